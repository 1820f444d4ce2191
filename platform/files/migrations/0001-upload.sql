-- Who owns an upload. Its bytes lie in the uploads folder until a submission takes them.
create table files.upload (
  id uuid primary key,
  person text not null,
  created timestamptz not null,
  taken timestamptz
);
create index upload_person on files.upload (person);
create index upload_created on files.upload (created);

alter table files.upload enable row level security;
alter table files.upload force row level security;

create policy own on files.upload for all using (person = (select kernel.current_person()));
create policy expiry_read on files.upload for select using ((select kernel.is_service('files')));
create policy expiry on files.upload for delete using ((select kernel.is_service('files')));

grant select, insert, update (taken), delete on files.upload to postroad_app;
