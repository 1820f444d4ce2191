-- What a restored node and its neighbours need to find each other's gaps (waybill custody.ts, engine/greet.ts, engine/epoch.ts).

-- Which life of this database peers have greeted: another one after it was restored.
create table road.epoch (only_one boolean primary key default true check (only_one), value text not null);
alter table road.epoch enable row level security;
alter table road.epoch force row level security;
create policy road on road.epoch for all using ((select kernel.is_service('road'))) with check ((select kernel.is_service('road')));
grant select, insert, update on road.epoch to postroad_app;

-- Who brought a receipt, and our count of receipts taken from that peer then: what a restored peer forgot is told back to it.
alter table road.receipt add column from_link text, add column from_mark bigint;
alter table road.relay add column from_link text, add column from_mark bigint, add column tries int not null default 0;
create index receipt_from on road.receipt (from_link, from_mark) where from_link is not null;
create index relay_from on road.relay (from_link, from_mark) where from_link is not null;
