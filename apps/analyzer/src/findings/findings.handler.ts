import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  decideFinding,
  getFinding,
  getRule,
  listFindings,
  listRules,
  type AnalyzerRule,
  type Finding,
  type FindingsQuery,
  type Page,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { describeRule, describeRules } from '../rules/catalogue';
import { FindingsStore } from './findings.store';

@Controller()
export class FindingsHandler {
  constructor(private readonly findings: FindingsStore) {}

  @Handles(listFindings)
  list(query: FindingsQuery): Promise<Page<Finding>> {
    return this.findings.list(query);
  }

  @Handles(getFinding)
  get({ id }: { id: string }): Promise<Finding> {
    return this.findings.get(id);
  }

  @Handles(decideFinding)
  decide({ id, ifMatch, ...decision }: z.output<typeof decideFinding.input>): Promise<Finding> {
    return this.findings.decide(id, decision, ifMatch);
  }

  @Handles(listRules)
  async rules({ family }: { family?: string | undefined }): Promise<{ items: AnalyzerRule[] }> {
    return { items: describeRules(family) };
  }

  @Handles(getRule)
  async rule({ id }: { id: string }): Promise<AnalyzerRule> {
    return describeRule(id);
  }
}
