import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus, recordEvent } from '@mcp-router/platform';
import {
  addAlertRule,
  addNotifier,
  AlertRule,
  AlertRuleTest,
  getAlertRule,
  listAlertRules,
  listAlerts,
  listNotifiers,
  NewAlertRule,
  NewNotifier,
  Notifier,
  PageQuery,
  removeAlertRule,
  removeNotifier,
  replaceAlertRule,
  testAlertRule,
  type Page,
} from '@mcp-router/shared';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';

type AlertsQuery = z.output<typeof listAlerts.input>;
type AlertsReply = z.output<typeof listAlerts.output>;
type NotifiersReply = z.output<typeof listNotifiers.output>;

const RuleTest = z
  .strictObject({
    rule: NewAlertRule,
    from: z.iso.datetime({ offset: true }),
    to: z.iso.datetime({ offset: true }).optional().meta({ description: 'Default: now' }),
  })
  .meta({ id: 'AlertRuleTestRequest' });
type RuleTest = z.output<typeof RuleTest>;

/** What is wrong now, may soon be, or was. */
@ApiTags('alerts')
@Controller('api/v1/alerts')
export class AlertsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiResponse({ status: 200, standardSchema: listAlerts.output })
  list(@Query({ schema: listAlerts.input }) query: AlertsQuery): Promise<AlertsReply> {
    return this.bus.call(listAlerts, query);
  }
}

/** When an alert fires. Twelve rules are there from the start. */
@ApiTags('alerts')
@AdminOnly()
@Controller('api/v1/alert-rules')
export class AlertRulesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiResponse({ status: 200, standardSchema: listAlertRules.output })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<AlertRule>> {
    return this.bus.call(listAlertRules, query);
  }

  @Post()
  @ApiResponse({ status: 201, standardSchema: AlertRule })
  async add(@Body({ schema: NewAlertRule }) rule: NewAlertRule): Promise<AlertRule> {
    const added = await this.bus.call(addAlertRule, rule);
    recordEvent(this.bus, 'configuration.alertRuleAdded', { subject: rule.name });
    return added;
  }

  /** What a rule would have done on the metrics that are kept; nothing is stored. */
  @Post('test')
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: AlertRuleTest })
  test(@Body({ schema: RuleTest }) { to = new Date().toISOString(), ...test }: RuleTest): Promise<AlertRuleTest> {
    return this.bus.call(testAlertRule, { ...test, to });
  }

  @Get(':rule')
  @ApiResponse({ status: 200, standardSchema: AlertRule })
  get(@Param('rule') rule: string): Promise<AlertRule> {
    return this.bus.call(getAlertRule, { rule });
  }

  @Put(':rule')
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
  @HttpCode(204)
  async remove(@Param('rule') rule: string): Promise<void> {
    await this.bus.call(removeAlertRule, { rule });
    recordEvent(this.bus, 'configuration.alertRuleRemoved', { subject: rule });
  }
}

/** Where alerts are sent: webhooks, signed with an HMAC, tried again for a quarter of an hour. */
@ApiTags('alerts')
@AdminOnly()
@Controller('api/v1/notifiers')
export class NotifiersController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiResponse({ status: 200, standardSchema: listNotifiers.output })
  list(): Promise<NotifiersReply> {
    return this.bus.call(listNotifiers, {});
  }

  @Post()
  @ApiResponse({ status: 201, standardSchema: Notifier })
  add(@Body({ schema: NewNotifier }) notifier: z.output<typeof NewNotifier>): Promise<Notifier> {
    return this.bus.call(addNotifier, notifier);
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string): Promise<void> {
    await this.bus.call(removeNotifier, { name });
  }
}
