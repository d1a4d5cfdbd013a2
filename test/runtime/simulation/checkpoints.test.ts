import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { definitions } from '../../../actors/index.ts'
import { Checkpoint } from '../../../proto/index.ts'
import type { FaultOptions } from '../../../runtime/simulation/faults.ts'
import { Simulation } from '../../../runtime/simulation/simulation.ts'
import { replaySuffixes } from '../../support/suffixes.ts'

const faults = JSON.parse(readFileSync(new URL('./harsh.json', import.meta.url), 'utf8')) as FaultOptions

describe('a checkpoint of a simulated peer', () => {
  it('lets every suffix of its life replay, whatever the network did to it', () => {
    const states = new Set<string>()
    const ids = new Set<string>()
    for (const seed of [1, 2, 3, 4]) {
      const simulation = new Simulation({
        peers: 6, seed, seconds: 30, replayed: 6, messagesPerMinute: 30,
        peer: { tune: { 'peer-connection': { idleMs: 5_000 } } },
        faults
      })
      simulation.adversary.begin()
      simulation.runFor(30_000)
      simulation.stop()
      simulation.runFor(5_000)
      for (const peer of simulation.peers) peer.crash('exit')
      for (const { recording } of simulation.recordings) {
        let next = 11 + seed
        const taken = replaySuffixes(recording, {
          definitions,
          at: moment => moment === next && (next += 40 + (moment * 7919) % 97) > 0
        })
        for (const { actors, timers } of taken.map(bytes => Checkpoint.decode(bytes))) {
          for (const { kind, value } of actors) states.add(`${kind} ${value}`)
          for (const { id } of timers) if (id != null) ids.add(id)
        }
      }
    }
    for (const state of ['"backoff"', '"closing"', '{"opening":"dialing"}', '{"secured":"verifying"}', '{"secured":"enhanced"}']) {
      expect(states).toContain(`peer-connection ${state}`)
    }
    for (const id of ['idle', 'keep-alive']) expect(ids).toContain(id)
  })
})
