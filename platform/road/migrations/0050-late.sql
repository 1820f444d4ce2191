-- Deliveries whose limit passed and that are still open are few, and counted by whoever watches the road; rows come in only when they are late.
create index delivery_late on road.delivery (message) where side = 'sent' and facts #>> '{facts,late}' is not null and state in ('accepted', 'queued', 'inCustody', 'arrived', 'delivered');
