import { definitions } from '../../actors/index.ts'
import { checkCommand, replayCommand, showCommand } from '../log/commands.ts'

const streams = { out: process.stdout, err: process.stderr }

/** `p2pnet log show FILE`. */
export async function show(file: string, { json = false }: { json?: boolean }): Promise<void> {
  process.exitCode = await showCommand(file, streams, { json, width: process.stdout.columns ?? 120 })
}

/** `p2pnet log check FILE`. */
export async function check(file: string, { json = false }: { json?: boolean }): Promise<void> {
  process.exitCode = await checkCommand(file, streams, { json })
}

/** `p2pnet log replay FILE`: exits 0 only if every output is the same. */
export async function replay(file: string, { json = false }: { json?: boolean }): Promise<void> {
  process.exitCode = await replayCommand(file, streams, { json, definitions })
}
