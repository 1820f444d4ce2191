-- The outbox: an event is written by the transaction that made it true, together with one open delivery per handler.
-- A delivery is deleted when its handler has succeeded, so a handler runs at least once.

create sequence kernel.event_id;

create table kernel.event (
  id bigint primary key,
  name text not null,
  version int not null,
  payload jsonb not null,
  -- people of these organs see it in the live stream; none: internal
  organs text[] not null default '{}',
  at timestamptz not null default clock_timestamp()
);
create index event_at on kernel.event (at);

create table kernel.event_delivery (
  event bigint not null references kernel.event on delete cascade,
  handler text not null,
  due timestamptz not null default clock_timestamp(),
  attempts int not null default 0,
  last_error text,
  primary key (event, handler)
);
create index event_delivery_due on kernel.event_delivery (due);

alter table kernel.event enable row level security;
alter table kernel.event force row level security;
alter table kernel.event_delivery enable row level security;
alter table kernel.event_delivery force row level security;

-- any named principal may announce; only the dispatcher reads
create policy announce on kernel.event for insert with check (kernel.current_service() is not null);
create policy dispatch_read on kernel.event for select using ((select kernel.is_service('jobs')));
create policy dispatch_delete on kernel.event for delete using ((select kernel.is_service('jobs')));
create policy announce on kernel.event_delivery for insert with check (kernel.current_service() is not null);
create policy dispatch on kernel.event_delivery for all using ((select kernel.is_service('jobs')));

grant usage on sequence kernel.event_id to postroad_app;
grant select, insert, delete on kernel.event to postroad_app;
grant select, insert, update, delete on kernel.event_delivery to postroad_app;
