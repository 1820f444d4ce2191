-- 机构改革: what was ordered, and what became of it. Neither can be changed afterwards.

create table reorganisation.act (
  id uuid primary key,
  "order" json not null,
  essence text not null,                  -- hash of what a second person approves: statements and moves without their instants
  not_before timestamptz not null,
  at timestamptz not null
);

create table reorganisation.step (
  act uuid not null references reorganisation.act,
  step text not null check (step in ('prepared', 'approved', 'done', 'stopped', 'withdrawn')),
  person text not null,                   -- '-' where the node carried it out on its day
  post text not null,
  detail json not null,
  at timestamptz not null,
  primary key (act, step)
);

do $$ declare name text; begin
  foreach name in array array['act', 'step'] loop
    execute format('alter table reorganisation.%I enable row level security', name);
    execute format('alter table reorganisation.%I force row level security', name);
    execute format('create policy directory on reorganisation.%I for all using ((select kernel.is_service(''directory''))) with check ((select kernel.is_service(''directory'')))', name);
  end loop;
end $$;
grant select, insert on reorganisation.act, reorganisation.step to postroad_app;
