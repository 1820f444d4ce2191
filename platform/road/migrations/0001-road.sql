-- The road's tables. A message is immutable; there is one delivery per recipient, and rows of their own for what was tried (attempt),
-- what was proved (receipt), what was seen before (arrival, submission). The append-only ones cannot be changed by the application's role.
-- What must stay unique for months (arrival, submission, taken) lives in plain tables, never in partitions that are dropped.

create table road.message (
  id uuid primary key,
  head_hash text not null,
  head json not null,
  kind text not null,
  thread uuid not null,
  ordinal int not null,
  regarding uuid,
  sender_organ text not null,
  sender_name text not null,
  urgency smallint not null,
  label smallint not null,
  created timestamptz not null,
  expires timestamptz not null,
  origin boolean not null,                -- submitted at this node
  came_from text,                         -- the centre before us; null at the origin
  manifest bytea not null,                -- sealed: nobody here can read it
  chunk_hashes json not null,
  hops json not null,                     -- custody lines up to and with our own
  own_wrap json,                          -- the sender's own wrap of the content key, at the origin
  at timestamptz not null default clock_timestamp(),
  check (origin = (came_from is null))
);
alter table road.message alter column manifest set storage external;
create index message_regarding on road.message (regarding) where regarding is not null;
create index message_sent on road.message (sender_organ, at, id) where origin;

-- The sealed body as it travels. Small ones here, large ones (framed is null) as chunks in the blob store. Forgotten at centres after custody.
create table road.body (
  message uuid primary key references road.message,
  bytes bigint not null,
  framed bytea,
  forgotten timestamptz
);
alter table road.body alter column framed set storage external;

create table road.delivery (
  message uuid not null references road.message,
  side text not null check (side in ('sent', 'inbox')),
  organ text not null,
  keeper text not null,                   -- the organ whose people see this row: the sender's, or the recipient's (its successor's after a merger)
  deputies text[] not null default '{}',  -- organs that may sign for it (代收), kept in step with the directory
  name text not null,
  role text not null,
  label smallint not null,
  entry json not null,                    -- the recipient's leaf, wrap and path
  facts json not null,                    -- every receipt's essence; state and decided are derived from it (waybill delivery.ts)
  state text not null,
  decided json,                           -- the fact that decided the state: who, when, why
  state_at timestamptz not null,
  at timestamptz not null default clock_timestamp(),
  primary key (message, side, organ)
);
create index delivery_keeper on road.delivery (keeper, side, at desc, message);
create index message_thread on road.message (thread) where origin;
create index delivery_deputies on road.delivery using gin (deputies) where side = 'inbox' and deputies <> '{}';
create index delivery_open on road.delivery (message) where side = 'sent' and facts #>> '{facts,late}' is null and state in ('accepted', 'queued', 'inCustody', 'arrived', 'delivered');

-- One row per link and message, whatever the number of recipients behind the link.
create table road.shipment (
  id text primary key,                    -- hash(head, link, slice)
  seq bigint generated always as identity,
  message uuid not null references road.message,
  link text not null,
  slice json not null,
  hops json not null,
  forwarded json not null,                -- receipts that say why a centre may stand twice on the way
  sender text not null,
  thread uuid not null,
  ordinal int not null,
  urgency smallint not null,
  large boolean not null,
  rank bigint not null,                   -- virtual deadline: earliest goes first (model.ts, rankOf)
  state text not null check (state in ('queued', 'handedOn', 'ended')),
  lease_owner text,
  lease_until timestamptz,
  fence bigint not null default 0,        -- whoever writes with an older fence lost the lease
  attempts int not null default 0,
  next_at timestamptz not null,
  mark bigint,                            -- the next centre's count of shipments when it took this one
  handed_at timestamptz,
  late_at timestamptz
) with (fillfactor = 80);
create index shipment_queue on road.shipment (link, large, rank) where state = 'queued';
create index shipment_thread on road.shipment (link, thread, ordinal) where state = 'queued';
create index shipment_marks on road.shipment (link, mark) where state = 'handedOn';
create index shipment_message on road.shipment (message);

create table road.attempt (
  id bigint generated always as identity primary key,
  shipment text not null,
  at timestamptz not null,
  outcome text not null,
  code text not null,
  detail text not null
);
create index attempt_shipment on road.attempt (shipment, id);

-- Signed receipts: of this node, and those that reached it as origin or destination.
create table road.receipt (
  id uuid primary key,
  message uuid not null,
  kind text not null,
  recipient text,
  node text not null,
  at timestamptz not null,
  receipt json not null,
  seal json not null,
  kept_at timestamptz not null default clock_timestamp()
);
create index receipt_message on road.receipt (message, at);

-- Receipts of ours that are true (their row was written by the transaction that made them true) and not signed yet.
create table road.due (
  receipt uuid primary key,
  message uuid not null,
  content json not null,
  suite text not null,
  -- answer: travels in the answer to the shipment that it is about; home: towards the origin
  route text not null check (route in ('answer', 'home')),
  at timestamptz not null default clock_timestamp()
);

-- Receipts on their way back to the origin.
create table road.relay (
  seq bigint generated always as identity primary key,
  link text not null,
  receipt uuid not null,
  message uuid not null,
  signed json not null,
  state text not null default 'queued' check (state in ('queued', 'sent', 'refused')),
  mark bigint,
  at timestamptz not null default clock_timestamp(),
  unique (link, receipt)
) with (fillfactor = 80);
create index relay_queue on road.relay (link, seq) where state = 'queued';
create index relay_marks on road.relay (link, mark) where state = 'sent';

-- Dedupe: a message goes on to a recipient once, whatever the link it came by.
create table road.arrival (
  message uuid not null,
  recipient text not null,
  visit smallint not null,                -- a forwarded message may pass a centre a second time
  shipment text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (message, recipient, visit)
);

-- What was taken over from a link, and what was answered: the same offer again gets the same answer.
create table road.taken (
  shipment text primary key,
  message uuid not null,
  link text not null,
  mark bigint not null,
  receipts uuid[] not null,
  at timestamptz not null default clock_timestamp()
);
create index taken_message on road.taken (message);

create table road.submission (
  organ text not null,
  client_id text not null,
  hash text not null,
  message uuid not null,
  receipt uuid not null,
  at timestamptz not null default clock_timestamp(),
  primary key (organ, client_id)
);

-- A recall that came before what it recalls.
create table road.tombstone (
  message uuid not null,
  organ text not null,
  recall uuid not null,
  sender text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (message, organ)
);

create table road.link (
  peer text primary key,
  taken bigint not null default 0,            -- shipments taken over from the peer
  receipts_taken bigint not null default 0,   -- receipts taken over from the peer
  peer_epoch text,                            -- what the peer last told of itself
  peer_taken bigint not null default 0,
  peer_receipts bigint not null default 0,
  failures int not null default 0,
  next_at timestamptz,
  heard_at timestamptz,
  last_error text
) with (fillfactor = 50);

do $$ declare name text; begin
  foreach name in array array['message', 'body', 'delivery', 'shipment', 'attempt', 'receipt', 'due', 'relay', 'arrival', 'taken', 'submission', 'tombstone', 'link'] loop
    execute format('alter table road.%I enable row level security', name);
    execute format('alter table road.%I force row level security', name);
    execute format('create policy road on road.%I for all using ((select kernel.is_service(''road''))) with check ((select kernel.is_service(''road'')))', name);
  end loop;
end $$;

-- People only read, never above their clearance, and only what their organs sent or were sent. What they do, the road does for them after
-- its own checks (store/acting.ts).
create policy mine on road.delivery for select using (label <= (select kernel.current_clearance())
  and (keeper = any ((select kernel.current_organs())::text[]) or (side = 'inbox' and deputies && (select kernel.current_organs()))));
create policy mine on road.message for select using (label <= (select kernel.current_clearance())
  and ((origin and sender_organ = any ((select kernel.current_organs())::text[])) or exists (select from road.delivery d where d.message = id and d.side = 'inbox')));

create function road.mine(message uuid) returns boolean language sql stable as $$ select exists (select from road.message m where m.id = message) $$;
grant execute on function road.mine(uuid) to postroad_app;

create policy mine on road.body for select using (road.mine(message));
create policy mine on road.shipment for select using (road.mine(message));
create policy mine on road.receipt for select using (road.mine(message));
create policy mine on road.submission for select using (organ = any ((select kernel.current_organs())::text[]));

grant select, insert on road.message, road.receipt, road.attempt, road.arrival, road.taken, road.submission, road.tombstone to postroad_app;
grant select, insert, update on road.body, road.delivery, road.shipment, road.relay, road.link to postroad_app;
grant select, insert, delete on road.due to postroad_app;
