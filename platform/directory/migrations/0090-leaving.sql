-- Who began to let a node leave: completing it by force may want another person.
create table directory.departure (
  n bigint generated always as identity primary key,
  node text not null,
  begun timestamptz not null,
  by text not null
);
create index on directory.departure (node, n);

alter table directory.departure enable row level security;
alter table directory.departure force row level security;
create policy own on directory.departure for all using ((select kernel.is_service('directory')));
grant select, insert on directory.departure to postroad_app;
