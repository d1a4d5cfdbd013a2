import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { simulate, type FaultOptions, type SimulateResult } from '../simulation/index.ts'
import { CommandFailedError } from './errors.ts'

/** One run for a worker. */
export interface SeedTask {
  readonly peers: number
  readonly seconds: number
  readonly seed: number
  readonly faults?: FaultOptions
  readonly peersPerSubnet: number
}

interface Answer {
  readonly result?: SimulateResult
  readonly error?: string
}

/**
 * Runs each task on a worker thread, so many at once, and gives the results in the order of the tasks.
 * @throws CommandFailedError naming the seed whose run threw
 */
export async function* oneByOne(tasks: readonly SeedTask[], threads: number): AsyncGenerator<SimulateResult> {
  const waiting = tasks.values()
  const results = new Map<SeedTask, (answer: Answer) => void>()
  const answers = tasks.map(task => new Promise<Answer>(resolve => results.set(task, resolve)))
  const workers = Array.from({ length: Math.min(threads, tasks.length) }, () => {
    const worker = new Worker(new URL(import.meta.url))
    let task: SeedTask | undefined
    const next = (): void => {
      task = waiting.next().value
      if (task !== undefined) worker.postMessage(task)
    }
    worker.on('message', (answer: Answer) => {
      results.get(task!)!(answer)
      next()
    })
    worker.on('error', error => {
      if (task !== undefined) results.get(task)!({ error: error.stack ?? error.message })
    })
    next()
    return worker
  })
  try {
    for (const [index, answer] of answers.entries()) {
      const { result, error } = await answer
      if (result === undefined) throw new CommandFailedError(`the run of seed ${tasks[index]!.seed} ended with an error: ${error}`)
      yield result
    }
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  port.on('message', ({ peersPerSubnet, ...options }: SeedTask) => {
    simulate({ ...options, topology: { peersPerSubnet } }).then(
      result => port.postMessage({ result } satisfies Answer),
      (error: Error) => port.postMessage({ error: error.stack ?? error.message } satisfies Answer)
    )
  })
}
