import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { simulate, simulateIsland, type Scene, type SimulateResult } from '../simulation/index.ts'
import { CommandFailedError } from './errors.ts'

interface Answer {
  readonly result?: SimulateResult
  readonly error?: string
}

/**
 * Most of what a run makes lives shortly; a young generation of the usual 16 MiB moves much of it for nothing. A thousand peers took
 * 118 and 126 s with 384, and 103 and 110 s with 768, in turn on the same two cores; 1.6 and 2.1 GB. In MiB.
 */
const YOUNG_MIB = 768

/**
 * Runs each on a thread, so many at once, and gives the results in order.
 * @param whole runs with all their islands, else one island each
 * @throws CommandFailedError naming the seed whose run threw
 */
export async function* onThreads(runs: readonly Scene[], whole: boolean, threads: number): AsyncGenerator<SimulateResult> {
  const waiting = runs.entries()
  const settle: ((answer: Answer) => void)[] = []
  const answers = runs.map(() => new Promise<Answer>(resolve => settle.push(resolve)))
  const workers = Array.from({ length: Math.min(threads, runs.length) }, () => {
    const worker = new Worker(new URL(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } })
    let at = 0
    const next = (): void => {
      const { value, done } = waiting.next()
      if (done === true) return
      at = value[0]
      worker.postMessage({ options: value[1], whole } satisfies Task)
    }
    worker.on('message', (answer: Answer) => {
      settle[at]!(answer)
      next()
    })
    worker.on('error', error => settle[at]!({ error: error.stack ?? error.message }))
    next()
    return worker
  })
  try {
    for (const [index, answer] of answers.entries()) {
      const { result, error } = await answer
      if (result === undefined) throw new CommandFailedError(`the run of seed ${runs[index]!.seed} ended with an error: ${error}`)
      yield result
    }
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

interface Task {
  readonly options: Scene
  readonly whole: boolean
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  port.on('message', ({ options, whole }: Task) => {
    (whole ? simulate : simulateIsland)(options).then(
      result => port.postMessage({ result } satisfies Answer),
      (error: Error) => port.postMessage({ error: error.stack ?? error.message } satisfies Answer)
    )
  })
}
