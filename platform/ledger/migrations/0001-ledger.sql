-- Audit records are plain leaves, inserted in the transaction of what they record. Positions in the tree are given afterwards by one
-- sequencer: chaining inside transactions would make every writer wait for every other.
-- The application's role may insert and read; it can neither change nor remove.

create table ledger.record (
  -- The leaf's own UUIDv7, which its keyed hash covers: a row copied by hand collides.
  id uuid primary key generated always as ((leaf ->> 'id')::uuid) stored,
  -- The writing transaction: the sequencer finds what became visible since its last look, whatever order transactions committed in.
  xact xid8 not null default pg_current_xact_id(),
  leaf jsonb not null,
  -- Keyed hash over the canonical leaf; the key is a file of the node, out of reach of whoever can only write to the database.
  mac bytea not null check (length(mac) = 32)
);
create index record_xact on ledger.record (xact);
create index record_object on ledger.record ((leaf ->> 'object'), id);
create index record_actor on ledger.record ((leaf #>> '{actor,id}'), id);

create table ledger.position (
  index bigint primary key,
  record uuid not null unique,
  leaf_hash bytea not null check (length(leaf_hash) = 32),
  -- Keyed hash over index and leaf hash: a swap names itself exactly.
  mac bytea not null check (length(mac) = 32)
);

create table ledger.checkpoint (
  size bigint primary key,
  checkpoint jsonb not null,
  seal jsonb not null,
  -- Roots of the complete subtrees, from left to right: the tree continues from here.
  peaks bytea[] not null
);

alter table ledger.record enable row level security;
alter table ledger.record force row level security;
alter table ledger.position enable row level security;
alter table ledger.position force row level security;
alter table ledger.checkpoint enable row level security;
alter table ledger.checkpoint force row level security;

-- A person's transaction writes that person's acts only; the node's services also write for peers and for people not signed in.
create policy record_insert on ledger.record for insert with check (
  kernel.current_service() <> '-' or (leaf #>> '{actor,kind}' = 'person' and leaf #>> '{actor,id}' = kernel.current_person()));
create policy record_select on ledger.record for select using ((select kernel.is_service('ledger')));
create policy position_insert on ledger.position for insert with check (kernel.is_service('ledger'));
create policy position_select on ledger.position for select using ((select kernel.is_service('ledger')));
create policy checkpoint_insert on ledger.checkpoint for insert with check (kernel.is_service('ledger'));
create policy checkpoint_select on ledger.checkpoint for select using ((select kernel.is_service('ledger')));

revoke all on ledger.record, ledger.position, ledger.checkpoint from postroad_app;
grant select, insert on ledger.record, ledger.position, ledger.checkpoint to postroad_app;
