import type { Observable } from 'rxjs'
import type { Envelope, Message, MessageClass } from '../../proto/index.ts'

/** Skeleton. */
export declare class Bus {
  get all(): Observable<Envelope>
  of<T extends Message>(type: MessageClass<T>): Observable<Envelope<string, T>>
  to(address: string): Observable<Envelope>
}
