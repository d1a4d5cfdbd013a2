import type { Observer, Operator, Subscription, TeardownLogic } from 'rxjs'
import type { Envelope } from '../../proto/index.ts'
import type { Report } from './contract.ts'
import { Observable, Subject, Subscriber } from './rx.ts'

/**
 * An Observable whose subscribers cannot disturb the bus: what their functions throw is reported, where
 * rxjs would throw it from a timer and end the process. What is piped from it is guarded as well;
 * observables that combine several (`merge`, `combineLatest`) are plain again.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #report: Report

  constructor(report: Report, subscribe?: (subscriber: Subscriber<T>) => TeardownLogic) {
    super(subscribe)
    this.#report = report
  }

  /** @deprecated rxjs's own way to make what `pipe` returns. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new GuardedObservable<R>(this.#report)
    lifted.source = this
    lifted.operator = operator as Operator<unknown, R>
    return lifted
  }

  override subscribe(
    observer?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null
  ): Subscription {
    // Operators subscribe with a Subscriber of their own, which is guarded where it ends.
    if (observer instanceof Subscriber) return super.subscribe(observer)
    const given: Partial<Observer<T>> = typeof observer === 'function' || observer == null
      ? { ...(observer && { next: observer }), ...(error && { error }), ...(complete && { complete }) }
      : observer
    const report = this.#report
    const guarded = (work: () => void) => {
      try {
        work()
      } catch (thrown) {
        report('bus', thrown)
      }
    }
    return super.subscribe({
      next: value => guarded(() => given.next?.(value)),
      error: thrown => given.error === undefined ? report('bus', thrown) : guarded(() => given.error?.(thrown)),
      complete: () => guarded(() => given.complete?.())
    })
  }
}

/** The bus as Observables. A Subject exists only while someone subscribes to it, and costs nothing else. */
export class Faces {
  readonly #report: Report
  readonly #types = new Map<string, Subject<Envelope>>()
  readonly #addresses = new Map<string, Subject<Envelope>>()
  readonly #all = new Map<'', Subject<Envelope>>()
  #closed = false

  constructor(report: Report) {
    this.#report = report
  }

  /** True while anyone subscribes to anything. */
  get watched(): boolean {
    return this.size > 0
  }

  /** Those that anyone subscribes to. */
  get size(): number {
    return this.#types.size + this.#addresses.size + this.#all.size
  }

  type(name: string): Observable<Envelope> {
    return this.#face(this.#types, name)
  }

  address(address: string): Observable<Envelope> {
    return this.#face(this.#addresses, address)
  }

  get all(): Observable<Envelope> {
    return this.#face(this.#all, '')
  }

  next(envelope: Envelope, copy: () => Envelope): void {
    this.#types.get(envelope.type)?.next(copy())
    if (envelope.to !== '') this.#addresses.get(envelope.to)?.next(copy())
    this.#all.get('')?.next(copy())
  }

  /** Completes every subscription; later ones complete at once. */
  close(): void {
    this.#closed = true
    for (const faces of [this.#types, this.#addresses, this.#all]) {
      for (const subject of faces.values()) subject.complete()
      faces.clear()
    }
  }

  #face<K extends string>(faces: Map<K, Subject<Envelope>>, key: K): Observable<Envelope> {
    return new GuardedObservable<Envelope>(this.#report, subscriber => {
      if (this.#closed) {
        subscriber.complete()
        return () => {}
      }
      let subject = faces.get(key)
      if (subject === undefined) faces.set(key, subject = new Subject())
      const subscription = subject.subscribe(subscriber)
      const mine = subject
      return () => {
        subscription.unsubscribe()
        if (!mine.observed && faces.get(key) === mine) faces.delete(key)
      }
    })
  }
}
