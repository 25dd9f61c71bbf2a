/** Injects the app's parsed environment: `@Inject(ENV) private readonly env: RouterEnv`. */
export const ENV = Symbol('ENV');

/** Injects the process's pino logger. */
export const LOGGER = Symbol('LOGGER');
