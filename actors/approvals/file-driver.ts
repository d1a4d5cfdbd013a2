import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Approval, ApprovalsLoaded, Decision, type Envelope, type EventOf } from '../../proto/index.ts'
import { isPeerId } from '../identity/index.ts'
import type { DriverContext, DriverFactory } from '../seam/index.ts'

export interface ApprovalsFileOptions {
  /** Folder of the file `approvals.json`; empty keeps nothing beyond this run. @default '' */
  readonly dir: string
}

type Command = EventOf<'LoadApprovals' | 'StoreApprovals'>

const FILE = 'approvals.json'
const REASON_CHARS = 200

/** The driver `file` of the approvals: a JSON file that is replaced as a whole, so that a crash leaves the old one or the new one. */
export const approvalsFileDriver: DriverFactory<ApprovalsFileOptions> = context => ({
  receive(envelope: Envelope): void {
    const { type, body } = envelope as Command
    if (type === 'LoadApprovals') context.publish(new ApprovalsLoaded({ approvals: load(context) }))
    else if (type === 'StoreApprovals' && context.options.dir !== '') store(context, body.approvals as Approval[])
  }
})

function load({ options: { dir }, log }: DriverContext<ApprovalsFileOptions>): Approval[] {
  if (dir === '') return []
  try {
    return parseApprovals(readFileSync(join(dir, FILE), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.error({ err: error }, `${join(dir, FILE)} cannot be read: everybody is asked about again`)
    return []
  }
}

/**
 * The decisions in a file's text; entries that are none are left out.
 * @throws SyntaxError for what is not JSON
 */
export function parseApprovals(text: string): Approval[] {
  const value: unknown = JSON.parse(text)
  if (!Array.isArray(value)) return []
  return value.flatMap((each: unknown) => {
    const { peerId, decision, reason } = (typeof each === 'object' && each !== null ? each : {}) as Record<string, unknown>
    if (!isPeerId(peerId) || (decision !== 'approved' && decision !== 'refused')) return []
    return [new Approval({
      peerId,
      decision: decision === 'approved' ? Decision.DECISION_APPROVED : Decision.DECISION_REFUSED,
      reason: typeof reason === 'string' ? reason.slice(0, REASON_CHARS) : ''
    })]
  })
}

/** The text that {@link parseApprovals} reads. */
export function formatApprovals(approvals: readonly Approval[]): string {
  const rows = approvals.map(({ peerId, decision, reason }) =>
    JSON.stringify({ peerId, decision: decision === Decision.DECISION_APPROVED ? 'approved' : 'refused', reason }))
  return `[\n${rows.join(',\n')}\n]\n`
}

function store({ options: { dir }, log }: DriverContext<ApprovalsFileOptions>, approvals: readonly Approval[]): void {
  const temporary = join(dir, `.approvals.${randomBytes(8).toString('hex')}.tmp`)
  try {
    const descriptor = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(descriptor, formatApprovals(approvals))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, join(dir, FILE))
  } catch (error) {
    log.error({ err: error }, `${join(dir, FILE)} cannot be written: what was decided holds for this run only`)
  }
}
