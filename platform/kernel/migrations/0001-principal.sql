-- Who acts is set for one transaction by database.ts. Row policies read it through these functions, which raise when it is not set:
-- a forgotten principal is an error, never an empty or a full answer. In policies write (select kernel.current_organs()), evaluated once per statement.

create function kernel.principal_setting(setting text) returns text language plpgsql stable parallel safe as $$
declare found text := current_setting('postroad.' || setting, true);
begin
  if found is null or found = '' then
    raise exception 'no principal in this transaction: postroad.% is not set', setting using errcode = 'insufficient_privilege';
  end if;
  return found;
end $$;

-- '-' where a person acts
create function kernel.current_service() returns text language sql stable parallel safe as $$ select kernel.principal_setting('service') $$;
-- '-' where a service acts
create function kernel.current_person() returns text language sql stable parallel safe as $$ select kernel.principal_setting('person') $$;
create function kernel.current_organs() returns text[] language sql stable parallel safe as $$ select kernel.principal_setting('organs')::text[] $$;
create function kernel.current_clearance() returns int language sql stable parallel safe as $$ select kernel.principal_setting('clearance')::int $$;
create function kernel.is_service(id text) returns boolean language sql stable parallel safe as $$ select kernel.principal_setting('service') = id $$;

grant execute on function kernel.principal_setting(text), kernel.current_service(), kernel.current_person(), kernel.current_organs(), kernel.current_clearance(), kernel.is_service(text) to postroad_app;
