-- Lists go by the time that a cursor can name, whole milliseconds, so that an index gives a page in its order; and what has just arrived
-- is found without looking at what arrived in all the years before.

select set_config('postroad.service', 'road', true); -- whose rows they are
update road.delivery set at = date_trunc('milliseconds', at);
alter table road.delivery alter column at set default date_trunc('milliseconds', clock_timestamp());
update road.message set at = date_trunc('milliseconds', at);
select set_config('postroad.service', 'bootstrap', true);
alter table road.message alter column at set default date_trunc('milliseconds', clock_timestamp());
drop index road.message_thread;
create index message_thread on road.message (thread);
create index delivery_arrived on road.delivery (keeper, at, message) where side = 'inbox' and state = 'arrived';

-- Who may see a message was answered by reading all deliveries of the node into a hash table, once per question. `offset 0` keeps the planner
-- to the index, one row at a time; inside the policies, not in a function, which would be called anew for every row.
alter policy mine on road.message using (label <= (select kernel.current_clearance())
  and ((origin and sender_organ = any ((select kernel.current_organs())::text[])) or exists (select from road.delivery d where d.message = id and d.side = 'inbox' offset 0)));
alter policy mine on road.body using (exists (select from road.message m where m.id = body.message offset 0));
alter policy mine on road.shipment using (exists (select from road.message m where m.id = shipment.message offset 0));
alter policy mine on road.receipt using (exists (select from road.message m where m.id = receipt.message offset 0));
drop function road.mine(uuid);
