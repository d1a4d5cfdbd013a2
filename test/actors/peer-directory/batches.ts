/** The network of the victims. */
export const TAG = new Uint8Array(16).fill(3)

/** Records of a batch. */
export const BATCH = 100

/** Batches until a record is written again. */
export const FOREVER = 50

/** Whom a batch writes of; the last of them is new each time, and removed by the batch after. */
export const peerOf = (batch: number, at: number): string => at === BATCH - 1 ? `passing-${batch}` : `peer-${batch % FOREVER}-${at}`
