import { dnsSdSource } from './dns-sd.source';
import { dockerSource } from './docker.source';
import { domainsSource } from './domains.source';
import { filesSource } from './files.source';
import { kubernetesSource } from './kubernetes.source';
import { mcpRegistrySource } from './mcp-registry.source';
import { selfRegistrationSource } from './self-registration.source';
import type { Source } from './source';
import { urlsSource } from './urls.source';

/** Every kind of place that can be looked at for servers. */
export const SOURCES = [
  filesSource,
  selfRegistrationSource,
  kubernetesSource,
  dockerSource,
  urlsSource,
  domainsSource,
  dnsSdSource,
  mcpRegistrySource,
] as readonly Source[];
