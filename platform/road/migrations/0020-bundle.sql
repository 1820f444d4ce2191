-- Links that are carried by bundle: files on removable media or through a diode. What was put into which bundle, what came in, and the answers
-- that go back with the next one. A bundle's contents are fixed when it is prepared, so that it can be written again, byte for byte.

create table road.bundle_link (
  peer text primary key,
  last_number int not null default 0,     -- of the bundles to the peer
  heard_life text,                        -- the newest bundle whose greeting was heard
  heard_number int not null default 0,
  heard_created timestamptz,
  heads json not null default '{}'        -- what the peer knew of the directory then
) with (fillfactor = 50);

create table road.bundle (
  link text not null,
  number int not null,
  life text not null,                     -- the database's life; numbers are read within one
  previous int not null,                  -- the last bundle before it that was written: whoever lacks that has a gap
  floor int not null,                     -- nobody need wait any more for a bundle up to here
  state text not null check (state in ('prepared', 'released', 'written', 'withdrawn')),
  created timestamptz not null,
  prepared_by text,                       -- a person; null: the operator, where one person suffices
  released_by text,
  summary json not null,                  -- what was shown to whoever released it
  hash text,                              -- over all parts; the same whenever it is written
  written_at timestamptz,
  confirmed_at timestamptz,               -- the peer has it
  lost_at timestamptz,                    -- the peer has later ones and not this
  primary key (link, number),
  check (released_by is null or released_by <> prepared_by)
);
create unique index bundle_open on road.bundle (link) where state in ('prepared', 'released'); -- one at a time
create index bundle_out on road.bundle (link, number) where state = 'written' and confirmed_at is null;

create table road.bundle_part (
  link text not null,
  number int not null,
  part int not null,
  kind text not null,
  content bytea,                          -- null: a shipment, read from its own rows
  primary key (link, number, part),
  foreign key (link, number) references road.bundle
);
alter table road.bundle_part alter column content set storage external;

-- What went along: shipments, receipts (road.relay), answers.
create table road.bundle_item (
  link text not null,
  number int not null,
  part int not null,
  kind text not null check (kind in ('shipment', 'relay', 'answer')),
  ref text not null,
  primary key (link, number, kind, ref),
  foreign key (link, number) references road.bundle
);
create index bundle_item_ref on road.bundle_item (link, kind, ref);

-- Bundles of peers that were seen. The same number with other contents is misbehaviour.
create table road.bundle_taken (
  link text not null,
  life text not null,
  number int not null,
  previous int not null,
  floor int not null,
  hash text not null,
  created timestamptz not null,
  state text not null check (state in ('partial', 'done')),
  remarks json not null,                  -- what is wrong with volumes, what was refused
  seen_at timestamptz not null,
  primary key (link, life, number)
);

-- What the peer's requests are answered with; goes into every bundle until the peer has one of them.
create table road.bundle_answer (
  link text not null,
  kind text not null check (kind in ('shipment', 'receipts')),
  ref text not null,
  status int not null,
  content bytea not null,
  at timestamptz not null,
  primary key (link, kind, ref)
);

do $$ declare name text; begin
  foreach name in array array['bundle_link', 'bundle', 'bundle_part', 'bundle_item', 'bundle_taken', 'bundle_answer'] loop
    execute format('alter table road.%I enable row level security', name);
    execute format('alter table road.%I force row level security', name);
    execute format('create policy road on road.%I for all using ((select kernel.is_service(''road''))) with check ((select kernel.is_service(''road'')))', name);
  end loop;
end $$;

grant select, insert, update on road.bundle_link, road.bundle, road.bundle_taken to postroad_app;
grant select, insert, delete on road.bundle_part to postroad_app;
grant select, insert on road.bundle_item to postroad_app;
grant select, insert, update, delete on road.bundle_answer to postroad_app;
