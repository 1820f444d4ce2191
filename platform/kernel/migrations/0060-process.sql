-- The processes of this node that are alive (processes.ts). Who has not renewed its row is gone: whoever finds it so deletes it and says so.
create table kernel.process (
  id text primary key,
  machine text not null,
  pid int not null,
  roles text[] not null,
  workers text[] not null default '{}',   -- under which names its jobs are locked
  started timestamptz not null default clock_timestamp(),
  seen timestamptz not null default clock_timestamp()
);
alter table kernel.process enable row level security;
alter table kernel.process force row level security;
create policy jobs on kernel.process for all using ((select kernel.is_service('jobs'))) with check ((select kernel.is_service('jobs')));
grant select, insert, update, delete on kernel.process to postroad_app;
