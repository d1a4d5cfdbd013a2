import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HANGS_MS, Lines } from './lines.ts'
import type { TestHost, TestLan } from './netns.ts'

const cli = join(import.meta.dirname, '../../dist/runtime/cli/main.js')

/** A `p2pnet up --json` process on a host of a test LAN, with a data folder of its own. */
export class LanPeer extends Lines {
  readonly name: string
  readonly host: TestHost
  readonly data: string
  peerId = ''

  private constructor(lan: TestLan, host: TestHost, name: string, data: string, args: readonly string[]) {
    super(lan.spawn(host, process.execPath, [cli, 'up', '--json', '--name', name, '--data', data, ...args]))
    this.name = name
    this.host = host
    this.data = data
  }

  /** Starts the process and awaits its `ready`. */
  static async up(lan: TestLan, host: TestHost, name: string, args: readonly string[] = [], data?: string): Promise<LanPeer> {
    const peer = new LanPeer(lan, host, name, data ?? mkdtempSync(join(tmpdir(), 'p2pnet-test-')), args)
    peer.peerId = (await peer.line('ready')).peerId
    return peer
  }

  /** The peers that are verified now, by the events so far. */
  verified(): Set<string> {
    const peers = new Set<string>()
    for (const line of this.seen) {
      if (line.event === 'peer.verified') peers.add(line['peerId'])
      else if (line.event === 'peer.disconnected') peers.delete(line['peerId'])
    }
    return peers
  }

  /** Stops it in order. */
  async quit(): Promise<number | string | null> {
    this.send('quit')
    return this.exit()
  }

  forget(): void {
    rmSync(this.data, { recursive: true, force: true })
  }
}

/** Everyone has verified everyone else. One wait for each peer: what watches them runs beside them. */
export async function fullMesh(peers: readonly LanPeer[], deadlineMs = HANGS_MS): Promise<void> {
  await Promise.all(peers.map(peer => {
    const left = new Set(peers.filter(other => other !== peer).map(({ peerId }) => peerId))
    return peer.lines(left.size, 'peer.verified', line => left.delete(line['peerId']), deadlineMs)
  }))
}
