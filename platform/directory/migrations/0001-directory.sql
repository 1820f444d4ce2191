-- Signed statements of all nodes' logs, as they came. Nothing here is ever changed; the view is computed from it.
create table directory.statement (
  -- order of arrival; writers take turns (an advisory lock), so it is the order of commits too, and a reader asks for what is above what it has
  n bigint generated always as identity unique,
  log text not null,
  seq int not null check (seq >= 0),
  hash text not null,
  signed jsonb not null,
  -- the peer that brought it; null: this node's own
  brought_by text,
  received timestamptz not null,
  -- two lines of one number exist only around a recovery
  primary key (log, seq, hash)
);

-- Lines that a recovery made void.
create table directory.void (
  log text not null,
  seq int not null,
  hash text not null,
  at timestamptz not null,
  primary key (log, seq, hash)
);

-- What a peer sent that contradicts what is known: kept as evidence, since it is signed.
create table directory.misbehaviour (
  id bigint generated always as identity primary key,
  peer text not null,
  log text not null,
  seq int not null,
  fault text not null,
  detail text not null,
  evidence jsonb not null,
  evidence_hash text not null,
  at timestamptz not null,
  unique (peer, log, seq, fault, evidence_hash)
);

-- One-time codes for nodes that may join; only a hash is kept.
create table directory.invite (
  code_hash bytea primary key,
  node text not null,
  created timestamptz not null,
  expires timestamptz not null,
  used timestamptz
);

alter table directory.statement enable row level security;
alter table directory.statement force row level security;
alter table directory.void enable row level security;
alter table directory.void force row level security;
alter table directory.misbehaviour enable row level security;
alter table directory.misbehaviour force row level security;
alter table directory.invite enable row level security;
alter table directory.invite force row level security;

-- The directory is for everybody who is somebody here.
create policy read on directory.statement for select using ((select kernel.current_service()) is not null);
create policy state on directory.statement for insert with check ((select kernel.is_service('directory')));
create policy read on directory.void for select using ((select kernel.current_service()) is not null);
create policy state on directory.void for insert with check ((select kernel.is_service('directory')));
create policy own on directory.misbehaviour for all using ((select kernel.is_service('directory')));
create policy own on directory.invite for all using ((select kernel.is_service('directory')));

grant select, insert on directory.statement, directory.void, directory.misbehaviour to postroad_app;
grant select, insert, update (used) on directory.invite to postroad_app;
