/** What a link does with the database for every shipment, without the link: for the bench, which loads it with a million. */
export { claimShipments, markHandedOn } from './store/shipments.ts'
export { findMessages } from './store/messages.ts'
