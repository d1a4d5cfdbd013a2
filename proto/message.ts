import type { Reader, Writer, IConversionOptions } from 'protobufjs/minimal.js'

/** An instance of a generated protobufjs class. Bodies are immutable once published. */
export type Message = object

/** A generated protobufjs static class: ours, or a host program's own. */
export interface MessageClass<T extends Message = Message> {
  new (properties?: any): T
  encode(message: any, writer?: Writer): Writer
  decode(reader: Reader | Uint8Array, length?: number): T
  fromObject(object: { [key: string]: any }): T
  toObject(message: any, options?: IConversionOptions): { [key: string]: any }
  getTypeUrl(prefix?: string): string
}

const names = new WeakMap<object, string>()

/**
 * The name that a message type has on the bus, on the wire and in logs: its full protobuf name
 * (`chat.v1.Say`), without the package for our own (`PeerHeard`).
 * @throws TypeError for anything else than a class that protobufjs made
 */
export function typeName(type: MessageClass): string {
  let name = names.get(type)
  if (name === undefined) {
    if (typeof type?.getTypeUrl !== 'function') {
      const what = typeof type === 'function' ? (type as Function).name || 'an unnamed class' : String(type)
      throw new TypeError(`${what} is no message class: use a class that protobufjs made, or an instance of one such as new TextMessage({ text })`)
    }
    const full = type.getTypeUrl('').slice(1)
    name = full.startsWith('p2pnet.v1.') ? full.slice('p2pnet.v1.'.length) : full
    names.set(type, name)
  }
  return name
}

/** The class of a message body. */
export function classOf<T extends Message>(body: T): MessageClass<T> {
  return body?.constructor as MessageClass<T>
}
