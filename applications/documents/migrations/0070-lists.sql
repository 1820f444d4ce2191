-- 常用发送范围: named lists of recipients. Every change is a version of its own and nothing is taken back; the newest version of a list is the list.
-- Whether the node's other organs may use it (shared) is fixed with its first version, so that nobody is left with an old one.
create table documents.list_version (
  organ text not null,                    -- whose list it is
  list uuid not null,
  version int not null check (version > 0),
  shared boolean not null,
  title text not null,
  members json not null,                  -- [{ organ, name, role }]
  ended boolean not null,
  person text not null,                   -- who made this version
  at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  primary key (organ, list, version)
);
create index list_shared on documents.list_version (list, version) where shared;

alter table documents.list_version enable row level security;
alter table documents.list_version force row level security;

create policy usable on documents.list_version for select using (organ = any ((select kernel.current_organs())::text[]) or ((select kernel.current_person()) <> '-' and shared));
create policy own on documents.list_version for insert with check (organ = any ((select kernel.current_organs())::text[]) and person = (select kernel.current_person()));

grant select, insert on documents.list_version to postroad_app;
