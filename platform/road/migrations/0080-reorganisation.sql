-- Organs merge, move and end while documents are under way.

-- A shipment whose recipients are elsewhere now is given up for others (engine/reroute.ts).
alter table road.shipment drop constraint shipment_state_check;
alter table road.shipment add constraint shipment_state_check check (state in ('queued', 'handedOn', 'ended', 'rerouted'));

-- Receipts are never given up: one that the peer cannot take yet waits a while longer each time.
alter table road.relay add column next_at timestamptz not null default clock_timestamp();

-- 'passed': it lay in an inbox here, unsigned, and went on to where its organ or the heir is now.
alter table road.delivery drop constraint delivery_side_check;
alter table road.delivery add constraint delivery_side_check check (side in ('sent', 'inbox', 'passed'));

-- Who keeps what an organ that ended had: its archive is read by the heir's people.
create table road.succession (
  organ text not null,
  heir text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (organ, heir)
);
alter table road.succession enable row level security;
alter table road.succession force row level security;
create policy road on road.succession for all using ((select kernel.is_service('road'))) with check ((select kernel.is_service('road')));
create policy mine on road.succession for select using (heir = any ((select kernel.current_organs())::text[]));
grant select, insert on road.succession to postroad_app;

-- A delivery's keeper decides who sees its message, whichever side it is on: what an ended organ sent is its heir's.
alter policy mine on road.message using (label <= (select kernel.current_clearance())
  and ((origin and sender_organ = any ((select kernel.current_organs())::text[])) or exists (select from road.delivery d where d.message = id offset 0)));

-- Who took a delivery over, for the board: written with the facts, like what 0070 added.
alter table road.delivery add column forwarded_to text;

-- The way of a delivery that came back to a node where its message had been before, up to and with the node's last line; null: the message's own.
alter table road.delivery add column hops json;
