import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  type Candidate,
  type Page,
  type Server,
  approveCandidate,
  decodeCursor,
  getCandidate,
  listCandidates,
  probeCandidate,
  rejectCandidate,
  toPage,
  UUID_KEY,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { ApprovalService } from './approval.service';
import { CandidatesStore } from './candidates.store';
import { Prober } from './prober';

const FIRST = '00000000-0000-0000-0000-000000000000';

@Controller()
export class CandidatesHandler {
  constructor(
    private readonly store: CandidatesStore,
    private readonly approvals: ApprovalService,
    private readonly prober: Prober,
  ) {}

  @Handles(listCandidates)
  async list({ cursor, limit, ...filter }: z.output<typeof listCandidates.input>): Promise<Page<Candidate>> {
    const after = cursor === undefined ? FIRST : decodeCursor(cursor, UUID_KEY);
    return toPage(await this.store.list(after, limit + 1, filter), limit, ({ id }) => id);
  }

  @Handles(getCandidate)
  get({ id }: z.output<typeof getCandidate.input>): Promise<Candidate> {
    return this.store.get(id);
  }

  @Handles(approveCandidate)
  approve({
    id,
    ...approval
  }: z.output<typeof approveCandidate.input>): Promise<{ candidate: Candidate; server: Server }> {
    return this.approvals.approve(id, approval, 'person');
  }

  @Handles(rejectCandidate)
  reject({ id }: z.output<typeof rejectCandidate.input>): Promise<Candidate> {
    return this.approvals.reject(id);
  }

  @Handles(probeCandidate)
  async probe({ id }: z.output<typeof probeCandidate.input>): Promise<Candidate> {
    await this.prober.probeNow(id);
    return this.store.get(id);
  }
}
