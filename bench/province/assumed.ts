/** What the simulated province is like. No public figure gives an office's daily documents; these are assumptions, stated where their results are printed and easy to change. */
export const CITIES = 13
export const COUNTIES = 120
/** Organs at the province's own centre, at each city's, at each county's: 10,000 in all. */
export const ORGANS = { province: 130, city: 150, county: 66 } as const
/** Documents that an organ sends on a working day. */
export const DOCUMENTS_A_DAY = 12
/** Share of a day's documents by hour from 0 to 23: two peaks, and in the busiest hour a tenth of the day's within ten minutes. */
export const HOURS = [0, 0, 0, 0, 0, 0, 0, 1, 8, 18, 14, 7, 1, 2, 9, 14, 15, 8, 2, 1, 0, 0, 0, 0] as const
export const PEAK = { hour: 9, minute: 30, minutes: 10, share: 0.1 } as const
/** Recipients: up to so many, in so many of a thousand documents. */
export const RECIPIENTS = [[1, 600], [10, 250], [60, 120], [300, 29], [3000, 1]] as const
/** Bytes of the sealed body, in thousandths: X-Road's published mix, and one film in ten thousand. */
export const SIZES = [[2000, 300], [10_000, 600], [100_000, 90], [2_000_000, 9], [10_000_000, 0.9], [2_000_000_000, 0.1]] as const
export const URGENCIES = [['normal', 850], ['urgent', 120], ['extraUrgent', 30]] as const
/** Of a thousand documents with few recipients: within the own node, within the own city, anywhere. */
export const NEAR = [['node', 400], ['city', 350], ['any', 250]] as const
/** Bytes a millisecond that a link carries each way: 100 Mbit/s between province and cities, 20 Mbit/s to counties, half of it for documents; and its delay. */
export const LINKS = { city: 6250, county: 1250, delayMs: 8 } as const
/** What a node's two cores are. */
export const CORES = 2

/**
 * Milliseconds of a core, measured on this project's own bench (docs/scale.md says how): taking a message over, each recipient's row where it is sent from or arrives,
 * each receipt that is verified and kept at the origin, and each that is passed on.
 */
export const COSTS = { message: 3.5, row: 0.3, arrival: 0.5, receipt: 1.1, relayed: 0.3 } as const
/** Bytes beside the body, measured: head, lines and seals; a recipient on its link; a recipient in the manifest, which all see; a receipt on its way back. */
export const BYTES = { fixed: 3500, recipient: 339, manifest: 80, receipt: 685 } as const
/** Receipts of a delivery that go back: arrived, delivered, signed for. */
export const RECEIPTS = 3
