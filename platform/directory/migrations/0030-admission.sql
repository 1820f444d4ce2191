-- Invitations to new nodes, and what happened to them. Both are only appended to; where an invitation stands is computed.
create table directory.invitation (
  id uuid primary key,
  -- only a hash of the code's secret is kept
  code_hash bytea not null unique,
  node text not null,
  -- title, level, region of the node to be; null: from first-start settings, where the node says so itself
  place jsonb,
  created timestamptz not null,
  expires timestamptz not null,
  -- the person who invited; null: first-start settings
  by text,
  -- nobody need approve any more
  approved boolean not null
);
create index on directory.invitation (node);

create table directory.admission (
  n bigint generated always as identity primary key,
  invitation uuid not null references directory.invitation,
  kind text not null check (kind in ('asked', 'contested', 'approved', 'refused', 'withdrawn', 'joined')),
  at timestamptz not null,
  -- asked, contested: the fingerprint of the keys, the title the node gives itself, where it called from
  fingerprint text,
  title text,
  address text,
  -- approved, refused, withdrawn: who, and why
  by text,
  reason text
);
create index on directory.admission (invitation, n);
-- each other machine that shows the code is told of once
create unique index on directory.admission (invitation, fingerprint) where kind = 'contested';

insert into directory.invitation (id, code_hash, node, place, created, expires, by, approved)
  select gen_random_uuid(), code_hash, node, null, created, expires, null, true from directory.invite;
insert into directory.admission (invitation, kind, at, fingerprint, title, address)
  select i.id, k.kind, o.used, '', '', '' from directory.invite o join directory.invitation i using (code_hash), unnest(array['asked', 'joined']) with ordinality k (kind, place)
  where o.used is not null order by o.used, k.place;
drop table directory.invite;

alter table directory.invitation enable row level security;
alter table directory.invitation force row level security;
alter table directory.admission enable row level security;
alter table directory.admission force row level security;
create policy own on directory.invitation for all using ((select kernel.is_service('directory')));
create policy own on directory.admission for all using ((select kernel.is_service('directory')));
grant select, insert on directory.invitation, directory.admission to postroad_app;
