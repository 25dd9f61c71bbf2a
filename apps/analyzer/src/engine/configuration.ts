const CONFIGURATION =
  /(?:^|\/)(?:\.env(?:\.[\w.-]+)?|\.npmrc|\.pypirc|\.netrc|[^/]*\.(?:env|ya?ml|jsonc?|toml|ini|properties|conf|cfg|tfvars|pem|key))$/i;
const LOCK_FILE = /(?:^|\/)(?:package-lock|npm-shrinkwrap|pnpm-lock|composer\.lock)\.(?:json|ya?ml)$/i;
const MANIFEST = /(?:^|\/)(?:package|tsconfig[\w.-]*|jsconfig)\.json$/;

/** Files of settings, where secrets are often left: `.env`, YAML, JSON and the like. */
export const isConfiguration = (path: string): boolean => CONFIGURATION.test(path) && !LOCK_FILE.test(path);

/** Files that imports are resolved with. */
export const isManifest = (path: string): boolean => MANIFEST.test(path);
