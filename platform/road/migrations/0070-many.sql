-- The board of a document to thousands: what it shows of a delivery stands in columns of its own, written with the facts that it follows from
-- (waybill `isLate`, `recallOf`), so that nobody reads thousands of JSON texts to count them.
alter table road.delivery add column late boolean not null default false;
alter table road.delivery add column recall text not null default 'none' check (recall in ('none', 'requested', 'refused', 'done'));

select set_config('postroad.service', 'road', true); -- whose rows they are
update road.delivery set
  late = facts #>> '{facts,late}' is not null and state not in ('signedFor', 'registered', 'returned', 'undeliverable', 'recalled', 'closed'),
  recall = case
    when state = 'recalled' then 'done'
    when facts #>> '{facts,recallRefused}' is not null or (facts #>> '{facts,recallRequested}' is not null and state in ('signedFor', 'registered')) then 'refused'
    when facts #>> '{facts,recallRequested}' is not null then 'requested'
    else 'none' end
  where facts #>> '{facts,late}' is not null or facts #>> '{facts,recallRequested}' is not null or facts #>> '{facts,recallRefused}' is not null or state = 'recalled';
select set_config('postroad.service', 'bootstrap', true);

-- The story of one recipient among thousands: its own receipts, and those of the whole message.
create index receipt_recipient on road.receipt (message, recipient);
