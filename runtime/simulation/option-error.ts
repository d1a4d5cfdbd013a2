/** Thrown for options of a simulation that cannot be; the message names the option and what it takes. */
export class SimulationOptionError extends Error {
  override name = 'SimulationOptionError'
}
