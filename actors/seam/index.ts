export { defineActor, type ActorDefinition, type ActorSpec, type Strategy, type WireType } from './define-actor.ts'
export type { Driver, DriverContext, DriverFactory } from './driver.ts'
export { Services, serviceKey, type ServiceKey } from './services.ts'
