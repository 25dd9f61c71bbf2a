import {
  AnalyzerRule,
  DefinitionDiff,
  diffTool,
  getRule,
  getToolPin,
  analyseCode,
  listFindings,
  listToolPins,
  readToxicFlow,
  scanServer,
  scanTools,
  SurfaceReport,
  ToolPin,
} from '@mcp-router/shared';
import { z } from 'zod';
import { builtinTool } from './builtin-tool';

const READS = { readOnlyHint: true, openWorldHint: false };
const CodeReport = analyseCode.output.shape;

/**
 * The tools that judge code and tools. None of them lets a held tool go: what is to be approved was written by somebody
 * who may want a model to approve it.
 */
export const ANALYSIS_TOOLS = [
  builtinTool({
    name: 'analyse_code',
    title: 'Analyse code',
    description:
      'Looks for injection, secrets, weak cryptography, unchecked tool arguments and weak design in up to 50 files that are given here. Answers with findings: rule, level, path, line, message. Nothing is stored.',
    inputSchema: analyseCode.input,
    outputSchema: z.object({ findings: CodeReport.findings, skipped: CodeReport.skipped }),
    annotations: READS,
    requiredRole: 'member',
    run: async (input, { bus, signal, principal }) => {
      const { findings, skipped } = await bus.call(analyseCode, input, { signal, context: { principal } });
      return { findings, skipped };
    },
  }),
  builtinTool({
    name: 'measure_code',
    title: 'Measure code',
    description:
      'Measures up to 50 files that are given here: lines, cyclomatic and cognitive complexity, nesting, parameters, Halstead and maintainability of files and functions, cohesion of classes. Nothing is stored.',
    inputSchema: analyseCode.input,
    outputSchema: z.object({ metrics: CodeReport.metrics, skipped: CodeReport.skipped }),
    annotations: READS,
    requiredRole: 'member',
    run: async (input, { bus, signal, principal }) => {
      const { metrics, skipped } = await bus.call(analyseCode, input, { signal, context: { principal } });
      return { metrics, skipped };
    },
  }),
  builtinTool({
    name: 'list_findings',
    title: 'List findings',
    description:
      'Lists what the analyzer has found in tool definitions and in analysed projects, newest first, with what people decided about it.',
    inputSchema: listFindings.input,
    outputSchema: listFindings.output,
    annotations: READS,
    requiredRole: 'admin',
    run: (query, { bus, signal, principal }) => bus.call(listFindings, query, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'explain_rule',
    title: 'Explain a rule',
    description: 'Tells what a rule of the analyzer looks for, why that matters, and shows bad and good examples.',
    inputSchema: getRule.input,
    outputSchema: AnalyzerRule,
    annotations: READS,
    requiredRole: 'member',
    run: (input, { bus, signal, principal }) => bus.call(getRule, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'scan_server',
    title: 'Scan the tools of a server',
    description:
      'Looks at the definitions of a registered server for hidden text, instructions to the model, exfiltration, shadowing and annotations that lie, stores what it finds and gives a verdict: clean, suspicious or dangerous.',
    inputSchema: scanServer.input,
    outputSchema: SurfaceReport,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    requiredRole: 'admin',
    run: (input, { bus, signal, principal }) => bus.call(scanServer, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'scan_tools',
    title: 'Scan tool definitions',
    description: 'Like scan_server, for definitions that are given here, for example of a server before it is added.',
    inputSchema: scanTools.input,
    outputSchema: SurfaceReport,
    annotations: READS,
    requiredRole: 'member',
    run: (input, { bus, signal, principal }) => bus.call(scanTools, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'diff_tool',
    title: 'Compare two definitions of a tool',
    description:
      'Tells what changed between two definitions of a tool and how much it matters: cosmetic, widening or dangerous.',
    inputSchema: diffTool.input,
    outputSchema: DefinitionDiff,
    annotations: READS,
    requiredRole: 'member',
    run: (input, { bus, signal, principal }) => bus.call(diffTool, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'list_tool_pins',
    title: 'List approved and held tools',
    description:
      'Lists the tools whose definitions are pinned: approved, changed, held until someone approves them, or rejected. Letting one go is for a person: POST /api/v1/tool-pins/{server}/{tool}/approve.',
    inputSchema: listToolPins.input,
    outputSchema: listToolPins.output,
    annotations: READS,
    requiredRole: 'admin',
    run: (query, { bus, signal, principal }) => bus.call(listToolPins, query, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'get_tool_pin',
    title: 'Show how a tool has changed',
    description: 'Shows what a server has made of a tool since its definition was approved, with a readable diff.',
    inputSchema: getToolPin.input,
    outputSchema: ToolPin,
    annotations: READS,
    requiredRole: 'admin',
    run: (input, { bus, signal, principal }) => bus.call(getToolPin, input, { signal, context: { principal } }),
  }),
  builtinTool({
    name: 'toxic_flow',
    title: 'Tools that together can leak',
    description:
      'Tells whether the tools that you can use bring together text from strangers, private data and a way out, on one server or across several: then an instruction hidden in the first can send the second through the third.',
    inputSchema: z.object({}),
    outputSchema: readToxicFlow.output,
    annotations: READS,
    requiredRole: 'member',
    run: (_, { bus, signal, principal }) => bus.call(readToxicFlow, {}, { signal, context: { principal } }),
  }),
];
