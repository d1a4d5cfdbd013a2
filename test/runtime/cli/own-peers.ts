import { afterAll, afterEach, jest } from '@jest/globals'
import { HANGS_MS, Running, Scratch, type RunningOptions } from './cli.ts'

interface OwnPeers {
  readonly scratch: Scratch
  readonly start: (args: readonly string[], options?: RunningOptions) => Running
  readonly up: (network: string, name: string, args?: readonly string[], options?: RunningOptions) => Running
}

/** For one test file: a folder that is removed in the end, and commands that are ended after each test, however it went. */
export function ownPeers(): OwnPeers {
  // Each wait for a process has a deadline of its own; a test is made of several.
  jest.setTimeout(4 * HANGS_MS)
  const scratch = new Scratch()
  const running: Running[] = []
  afterEach(async () => { await Promise.all(running.splice(0).map(one => one.end())) })
  afterAll(() => scratch.remove())
  const kept = (one: Running): Running => {
    running.push(one)
    return one
  }
  return {
    scratch,
    start: (args, options) => kept(new Running(args, options)),
    up: (network, name, args, options) => kept(Running.up(scratch, network, name, args, options))
  }
}
