-- People, the posts they hold, and what proves who they are. Only the service `identity` changes any of it; a person reads what is his own,
-- and who holds posts in the organs he works for.

create table identity.person (
  id text primary key,
  account text not null unique check (account = lower(account)),
  name text not null,
  clearance smallint not null check (clearance between 0 and 7),
  active boolean not null default true,
  created timestamptz not null
);

-- 岗位, dated: a post that ended stays.
create table identity.post (
  person text not null references identity.person,
  id text not null,
  organ text not null,
  title text not null,
  duties text[] not null,
  valid_from timestamptz not null,
  valid_until timestamptz,
  primary key (person, id, valid_from)
);
create index post_organ on identity.post (organ);

create table identity.credential (
  id uuid primary key,
  person text not null references identity.person,
  kind text not null check (kind in ('password', 'clientKey', 'passkey')),
  -- Argon2id in PHC form; set for passwords only.
  password text,
  -- P-256 point of a client key, or a passkey's COSE key.
  public_key bytea,
  -- The authenticator's own id of a passkey.
  passkey text unique,
  transports text[] not null default '{}',
  counter bigint not null default 0,
  created timestamptz not null,
  used timestamptz,
  revoked timestamptz,
  check ((kind = 'password') = (password is not null)),
  check ((kind = 'password') = (public_key is null)),
  check ((kind = 'passkey') = (passkey is not null))
);
create unique index credential_password on identity.credential (person) where kind = 'password' and revoked is null;
create index credential_person on identity.credential (person) where revoked is null;

-- One-time codes: `account` sets a password and revokes what was before, `device` adds a key to an account that has one.
create table identity.enrolment (
  id uuid primary key,
  person text not null references identity.person,
  purpose text not null check (purpose in ('account', 'device')),
  code_hash bytea not null unique check (length(code_hash) = 32),
  issued_by text not null,
  created timestamptz not null,
  expires timestamptz not null,
  used timestamptz
);
create index enrolment_person on identity.enrolment (person) where used is null;

-- A challenge waits for one proof, right or wrong, and is then gone.
create table identity.challenge (
  id uuid primary key,
  person text not null references identity.person,
  purpose text not null check (purpose in ('signIn', 'stepUp', 'passkey')),
  -- Set where the challenge belongs to a session.
  session uuid,
  value bytea not null,
  expires timestamptz not null
);
create index challenge_expires on identity.challenge (expires);

create table identity.session (
  id uuid primary key,
  person text not null references identity.person,
  -- SHA-256 of the cookie's token: who reads the table cannot become anybody.
  token_hash bytea not null unique check (length(token_hash) = 32),
  acting text not null,
  network text not null,
  agent text not null,
  created timestamptz not null,
  used timestamptz not null,
  -- When both factors or a step-up were last proven.
  proven timestamptz not null,
  ended timestamptz,
  reason text
);
create index session_person on identity.session (person) where ended is null;

-- Counters of rate-limiter-flexible (RateLimiterPostgres), which would otherwise make this table itself.
create table identity.throttle (key varchar(255) primary key, points integer not null default 0, expire bigint);

do $$ declare name text; begin
  foreach name in array array['person', 'post', 'credential', 'enrolment', 'challenge', 'session', 'throttle'] loop
    execute format('alter table identity.%I enable row level security', name);
    execute format('alter table identity.%I force row level security', name);
    execute format('create policy service on identity.%I for all using ((select kernel.is_service(''identity''))) with check ((select kernel.is_service(''identity'')))', name);
  end loop;
end $$;
create policy own on identity.person for select using (id = (select kernel.current_person()));
create policy own on identity.post for select using (person = (select kernel.current_person()));
create policy colleagues on identity.post for select using (organ = any ((select kernel.current_organs())::text[]));
create policy colleagues on identity.person for select using (
  exists (select from identity.post where post.person = person.id and post.organ = any ((select kernel.current_organs())::text[])));
create policy own on identity.session for select using (person = (select kernel.current_person()));

grant select, insert on identity.person, identity.post, identity.credential, identity.enrolment, identity.challenge, identity.session, identity.throttle to postroad_app;
grant update (name, clearance, active) on identity.person to postroad_app;
grant update (valid_until) on identity.post to postroad_app;
grant update (counter, used, revoked) on identity.credential to postroad_app;
grant update (used) on identity.enrolment to postroad_app;
grant delete on identity.challenge, identity.throttle to postroad_app;
grant update (token_hash, acting, used, proven, ended, reason) on identity.session to postroad_app;
grant update on identity.throttle to postroad_app;
