export * from './generated/v1.js'
export { typeName, classOf, type Message, type MessageClass } from './message.ts'
export { Registry, MessageNameTakenError, UnknownMessageError } from './registry.ts'
export type { Envelope, BodyOf, EventOf, MessageName } from './envelope.ts'
