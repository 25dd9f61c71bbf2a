import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus, recordEvent } from '@mcp-router/platform';
import {
  acknowledgeAlert,
  addAlertRule,
  addNotifier,
  addSilence,
  Alert,
  AlertRule,
  AlertRuleTest,
  getAlertRule,
  getNotifier,
  Instant,
  listAlertRules,
  listAlerts,
  listNotifiers,
  listSilences,
  NewAlertRule,
  NewNotifier,
  NewSilence,
  Notifier,
  NotifierChanges,
  NotifierTest,
  PageQuery,
  removeAlertRule,
  removeNotifier,
  removeSilence,
  replaceAlertRule,
  testAlertRule,
  testNotifier,
  updateNotifier,
  Silence,
  type Page,
  type Principal,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { tagged, versionIn } from '../http/entity-tag';
import { Caller } from '../http/request-context';

const AlertsParams = listAlerts.input.strict();
type AlertsQuery = z.output<typeof AlertsParams>;
type AlertsReply = z.output<typeof listAlerts.output>;
type NotifiersReply = z.output<typeof listNotifiers.output>;

const RuleTest = z
  .strictObject({
    rule: NewAlertRule,
    from: Instant,
    to: Instant.optional().meta({ description: 'Default: now' }),
  })
  .meta({ id: 'AlertRuleTestRequest' });
type RuleTest = z.output<typeof RuleTest>;

/** What is wrong now, may soon be, or was. */
@ApiTags('alerts')
@Controller('api/v1/alerts')
export class AlertsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Alerts: firing first, then pending, then those resolved in the last seven days' })
  @ApiResponse({ status: 200, standardSchema: listAlerts.output })
  list(@Query({ schema: AlertsParams }) query: AlertsQuery): Promise<AlertsReply> {
    return this.bus.call(listAlerts, query);
  }

  /** Says that somebody looks after it, until it fires anew. */
  @Post(':alert/acknowledge')
  @AdminOnly()
  @HttpCode(200)
  @ApiOperation({ summary: 'Say that you look after an alert' })
  @ApiResponse({ status: 200, standardSchema: Alert })
  async acknowledge(@Param('alert') alert: string, @Caller() { agent }: Principal): Promise<Alert> {
    const acknowledged = await this.bus.call(acknowledgeAlert, { alert, by: agent });
    recordEvent(this.bus, 'alert.acknowledged', { subject: acknowledged.rule, data: { labels: acknowledged.labels } });
    return acknowledged;
  }
}

/** While a silence holds, nobody is sent the alerts that it matches. */
@ApiTags('alerts')
@AdminOnly()
@Controller('api/v1/silences')
export class SilencesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Silences that have not ended' })
  @ApiResponse({ status: 200, standardSchema: listSilences.output })
  list(): Promise<z.output<typeof listSilences.output>> {
    return this.bus.call(listSilences, {});
  }

  @Post()
  @ApiOperation({ summary: 'Silence alerts for a while' })
  @ApiResponse({ status: 201, standardSchema: Silence })
  async add(
    @Body({ schema: NewSilence }) silence: z.output<typeof NewSilence>,
    @Caller() { agent }: Principal,
  ): Promise<Silence> {
    const added = await this.bus.call(addSilence, { ...silence, createdBy: agent });
    recordEvent(this.bus, 'alert.silenced', { subject: added.rule ?? '*', data: { ...added } });
    return added;
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'End a silence' })
  async remove(@Param('id') id: string): Promise<void> {
    await this.bus.call(removeSilence, { id });
    recordEvent(this.bus, 'alert.unsilenced', { data: { id } });
  }
}

/** When an alert fires. Twelve rules are there from the start. */
@ApiTags('alerts')
@AdminOnly()
@Controller('api/v1/alert-rules')
export class AlertRulesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Alert rules, by name' })
  @ApiResponse({ status: 200, standardSchema: listAlertRules.output })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<AlertRule>> {
    return this.bus.call(listAlertRules, query);
  }

  @Post()
  @ApiOperation({ summary: 'Add an alert rule' })
  @ApiResponse({ status: 201, standardSchema: AlertRule })
  async add(@Body({ schema: NewAlertRule }) rule: NewAlertRule): Promise<AlertRule> {
    const added = await this.bus.call(addAlertRule, rule);
    recordEvent(this.bus, 'configuration.alertRuleAdded', { subject: rule.name });
    return added;
  }

  /** What a rule would have done on the metrics that are kept; nothing is stored. */
  @Post('test')
  @ApiOperation({ summary: 'Try a rule on the metrics that are kept; nothing is stored' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: AlertRuleTest })
  test(@Body({ schema: RuleTest }) { to = new Date().toISOString(), ...test }: RuleTest): Promise<AlertRuleTest> {
    return this.bus.call(testAlertRule, { ...test, to });
  }

  @Get(':rule')
  @ApiOperation({ summary: 'One alert rule, by name or id' })
  @ApiResponse({ status: 200, standardSchema: AlertRule })
  get(@Param('rule') rule: string): Promise<AlertRule> {
    return this.bus.call(getAlertRule, { rule });
  }

  @Put(':rule')
  @ApiOperation({ summary: 'Replace an alert rule; its alerts begin anew' })
  @ApiResponse({ status: 200, standardSchema: AlertRule })
  async replace(
    @Param('rule') rule: string,
    @Body({ schema: NewAlertRule }) definition: NewAlertRule,
  ): Promise<AlertRule> {
    const replaced = await this.bus.call(replaceAlertRule, { rule, definition });
    recordEvent(this.bus, 'configuration.alertRuleChanged', { subject: definition.name });
    return replaced;
  }

  @Delete(':rule')
  @ApiOperation({ summary: 'Remove an alert rule and its alerts' })
  @HttpCode(204)
  async remove(@Param('rule') rule: string): Promise<void> {
    await this.bus.call(removeAlertRule, { rule });
    recordEvent(this.bus, 'configuration.alertRuleRemoved', { subject: rule });
  }
}

/** Where alerts are sent: webhooks, signed with an HMAC, tried again for ten minutes. */
@ApiTags('alerts')
@AdminOnly()
@Controller('api/v1/notifiers')
export class NotifiersController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Webhooks that alerts are sent to, and how that goes' })
  @ApiResponse({ status: 200, standardSchema: listNotifiers.output })
  list(): Promise<NotifiersReply> {
    return this.bus.call(listNotifiers, {});
  }

  @Get(':name')
  @ApiOperation({ summary: 'One webhook, by name' })
  @ApiResponse({ status: 200, standardSchema: Notifier })
  async get(@Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Notifier> {
    return tagged(reply, await this.bus.call(getNotifier, { name }));
  }

  @Post()
  @ApiOperation({ summary: 'Send alerts to a webhook' })
  @ApiResponse({ status: 201, standardSchema: Notifier })
  async add(
    @Body({ schema: NewNotifier }) notifier: z.output<typeof NewNotifier>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Notifier> {
    const added = await this.bus.call(addNotifier, notifier);
    recordEvent(this.bus, 'notifier.added', { subject: added.name, data: { severities: added.severities } });
    return tagged(reply, added);
  }

  @Patch(':name')
  @ApiOperation({ summary: 'Change a webhook; what waits is sent as it is then' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'ETag that was read; refused with 412 if it changed since',
  })
  @ApiResponse({ status: 200, standardSchema: Notifier })
  async update(
    @Param('name') name: string,
    @Body({ schema: NotifierChanges }) changes: NotifierChanges,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Notifier> {
    const changed = await this.bus.call(updateNotifier, { name, changes, ...versionIn(ifMatch) });
    recordEvent(this.bus, 'notifier.changed', { subject: name, data: { fields: Object.keys(changes) } });
    return tagged(reply, changed);
  }

  @Post(':name/test')
  @ApiOperation({ summary: 'Send a webhook a signed test now, and tell how it was taken; it is not tried again' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: NotifierTest })
  test(@Param('name') name: string): Promise<NotifierTest> {
    return this.bus.call(testNotifier, { name });
  }

  @Delete(':name')
  @ApiOperation({ summary: 'Send no more alerts to a webhook' })
  @HttpCode(204)
  async remove(@Param('name') name: string): Promise<void> {
    await this.bus.call(removeNotifier, { name });
    recordEvent(this.bus, 'notifier.removed', { subject: name });
  }
}
