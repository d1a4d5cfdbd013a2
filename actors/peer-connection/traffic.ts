/** What has passed a link since it began. */
export interface Traffic {
  readonly framesIn: number
  readonly framesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export const noTraffic: Traffic = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }

/** What has passed between two such counts. */
export function between(before: Traffic, now: Traffic): Traffic {
  return {
    framesIn: now.framesIn - before.framesIn,
    framesOut: now.framesOut - before.framesOut,
    bytesIn: now.bytesIn - before.bytesIn,
    bytesOut: now.bytesOut - before.bytesOut
  }
}
