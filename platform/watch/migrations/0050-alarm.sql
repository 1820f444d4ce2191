-- Alarms are facts: raised, cleared, seen by a person. Where one stands is derived; nothing is changed or deleted.

create table watch.alarm (
  id uuid primary key,
  code text not null,
  subject text not null,                  -- the neighbour, volume or certificate that it is about; '-' is the node itself
  detail json not null,
  rules int not null,                     -- version of the rules that raised it
  at timestamptz not null
);
create index alarm_at on watch.alarm (at);

create table watch.alarm_clear (
  alarm uuid primary key references watch.alarm,
  at timestamptz not null
);

create table watch.alarm_seen (
  alarm uuid not null references watch.alarm,
  person text not null,
  name text not null,
  note text not null,
  at timestamptz not null,
  primary key (alarm, person, at)
);

-- What was learned by looking that costs too much to look again for everybody who asks: calls to neighbours, verification of the ledger.
create table watch.reading (
  name text primary key,
  value json not null,
  at timestamptz not null
) with (fillfactor = 50);

do $$ declare name text; begin
  foreach name in array array['alarm', 'alarm_clear', 'alarm_seen', 'reading'] loop
    execute format('alter table watch.%I enable row level security', name);
    execute format('alter table watch.%I force row level security', name);
    execute format('create policy watch on watch.%I for all using ((select kernel.is_service(''watch''))) with check ((select kernel.is_service(''watch'')))', name);
  end loop;
end $$;

grant select, insert on watch.alarm, watch.alarm_clear, watch.alarm_seen to postroad_app;
grant select, insert, update on watch.reading to postroad_app;
