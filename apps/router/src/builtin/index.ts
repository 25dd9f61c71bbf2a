import { ANALYSIS_TOOLS } from './analysis-tools';
import type { BuiltinTool } from './builtin-tool';
import { HEALTH_TOOLS } from './health-tools';
import { MONITOR_TOOLS } from './monitor-tools';
import { SERVER_TOOLS } from './server-tools';
import { WORKFLOW_TOOLS } from './workflow-tools';

/** Every tool of the server `router`, in the order they are listed. Add a line for a new one. */
export const BUILTIN_TOOLS: readonly BuiltinTool[] = [
  ...SERVER_TOOLS,
  ...HEALTH_TOOLS,
  ...MONITOR_TOOLS,
  ...WORKFLOW_TOOLS,
  ...ANALYSIS_TOOLS,
];
