import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { lines, stat } from '../panels.ts';
import { feedersTogether, fleetCharge, p2pShare, selfSufficiency, SLOT } from './queries.ts';

const total = (field: 'p2p_wh' | 'grid_import_wh' | 'grid_export_wh') =>
  new Select('market').pick('sum', field, 'total').matching('community');

export const community: DashboardSpec = {
  uid: 'commonwatt-community',
  title: 'Commonwatt: community',
  doc: 'How far the neighbourhood carries itself.',
  variables: ['community'],
  panels: [
    stat({
      title: 'Between neighbours',
      doc: 'Energy traded in the time shown.',
      targets: [{ query: total('p2p_wh'), alias: 'traded' }],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 4,
    }),
    stat({
      title: 'From the grid',
      doc: 'Energy drawn over the transformer in the time shown.',
      targets: [{ query: total('grid_import_wh'), alias: 'import' }],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 4,
    }),
    stat({
      title: 'To the grid',
      doc: 'Energy fed in over the transformer in the time shown.',
      targets: [{ query: total('grid_export_wh'), alias: 'export' }],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 4,
    }),
    stat({
      title: 'Self-sufficiency',
      doc: 'Share of consumption that did not come over the transformer.',
      targets: [{ query: selfSufficiency, alias: 'self-sufficiency' }],
      unit: 'percent',
      decimals: 0,
      span: 6,
      height: 4,
    }),
    lines({
      title: 'The duck',
      doc: 'What the homes use, what the roofs make, and what is left for the grid. The belly is noon, the neck is the evening; batteries and signals flatten both.',
      targets: [
        { query: feedersTogether('load_w', 'used'), alias: 'used' },
        { query: feedersTogether('pv_w', 'made'), alias: 'made' },
        { query: feedersTogether('p_w', 'grid'), alias: 'grid' },
      ],
      unit: 'watt',
      span: 24,
      height: 10,
      colours: { used: 'text', made: 'yellow', grid: 'blue' },
    }),
    lines({
      title: 'Import, export, and between neighbours',
      doc: 'Energy per slot; export is drawn downwards.',
      targets: [
        {
          query: new Select('market')
            .pick('sum', 'grid_import_wh', 'import')
            .expression('-1 * sum("grid_export_wh")', 'export')
            .pick('sum', 'p2p_wh', 'between neighbours')
            .matching('community')
            .every(),
          alias: '$col',
        },
      ],
      unit: 'watth',
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'bars',
      colours: { import: 'blue', export: 'yellow', 'between neighbours': 'green' },
    }),
    lines({
      title: 'Share from neighbours, and self-sufficiency',
      doc: 'The first is of what was drawn, per slot; the second of what was used.',
      targets: [
        { query: p2pShare, alias: 'from neighbours' },
        { query: selfSufficiency, alias: 'self-sufficiency' },
      ],
      unit: 'percent',
      min: 0,
      max: 100,
      span: 12,
      height: 8,
      interval: SLOT,
    }),
    lines({
      title: 'State of charge of the fleet',
      doc: 'All batteries, weighted by capacity.',
      targets: [{ query: fleetCharge, alias: 'fleet' }],
      unit: 'percent',
      min: 0,
      max: 100,
      span: 24,
      height: 7,
      colours: { fleet: 'purple' },
    }),
  ],
};
