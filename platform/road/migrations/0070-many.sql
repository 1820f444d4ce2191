-- The story of one recipient among thousands: its own receipts, and those of the whole message.
create index receipt_recipient on road.receipt (message, recipient);
