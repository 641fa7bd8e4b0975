import {PANEL_LABELS, PANELS} from '../../model/keys';
import {sortedGroups} from '../../model/findings';
import {parseTarget, targetWords} from '../../model/target';
import type {Target} from '../../model/target';
import {inFile} from '../../model/map/place';
import {numberedName, ordinals} from '../../model/names';
import {knowsNothing} from '../../model/verdict';
import type {Controller} from '../../state/controller';
import {nameIn} from '../../state/desk';
import type {Desk} from '../../state/desk';
import {byteOf} from '../../state/goto';
import {currentInfo, currentVerdict, isApplied, isBusy, isRepaired} from '../../state/session';
import type {OpenSession} from '../../state/session';
import type {Theme} from '../../state/view';
import {goTo} from '../go-to';
import {showInHex} from '../hex/go';

/** Something that the list of commands offers. */
export interface PageCommand {
  name: string;
  /** Other words by which it is found. */
  words: string;
  /** The key that does the same. */
  key: string;
  run: () => void;
}

function command(name: string, run: () => unknown, words = '', key = ''): PageCommand {
  return {name, words, key, run: () => void run()};
}

/** All that can be done on the page as it is now. */
export function commandsOf(controller: Controller, desk: Desk): PageCommand[] {
  const session = controller.session.value;
  const open = session.step === 'open' && !knowsNothing(session.verdict) ? session : null;
  return [
    ...(open === null ? [] : partCommands()),
    ...(open === null ? [] : imageCommands(controller, open)),
    command('Choose image', () => document.querySelector<HTMLInputElement>('input[type=file][aria-label="Choose image"]')?.click(), 'open file'),
    ...openImageCommands(desk),
    ...themeCommands(controller),
    command('Help', () => controller.change({help: true}), 'keys signs shortcuts', '?'),
    ...(open === null ? [] : findingCommands(controller, open)),
  ];
}

/** Between the images that are open side by side. */
function openImageCommands(desk: Desk): PageCommand[] {
  const {places, current} = desk.state.value;
  const numbers = ordinals(places.map(nameIn));
  const others = places.flatMap((place, i) => {
    const session = place.controller.session.value;
    return place === current || session.step === 'empty'
      ? []
      : [command(`Show ${numberedName(session.file.name, numbers[i] ?? 1)}`, () => desk.select(place.id), 'switch image open')];
  });
  const closing = current.controller.session.value.step !== 'empty';
  return [...others, ...(closing ? [command('Close image', () => desk.closeCurrent())] : [])];
}

function partCommands(): PageCommand[] {
  return PANELS.map((panel, i) => command(`Go to ${PANEL_LABELS[panel]}`, () => goTo(panel), 'section part', String(i + 1)));
}

function imageCommands(controller: Controller, session: OpenSession): PageCommand[] {
  const {mapAs, hexAs} = controller.view.value;
  const step = async (by: 1 | -1) => {
    if ((await controller.stepFinding(by)) !== null) {
      goTo('findings');
    }
  };
  const toggleMap = () => {
    controller.change({mapAs: mapAs === 'table' ? 'picture' : 'table'});
    goTo('map');
  };
  const toggleHex = () => {
    controller.change({hexAs: hexAs === 'fields' ? 'bytes' : 'fields'});
    goTo('hex');
  };
  return [
    ...(currentVerdict(session).groups.length === 0
      ? []
      : [command('Next finding', () => step(1), '', 'n'), command('Previous finding', () => step(-1), '', 'p')]),
    command('Copy link to this place', () => copyLink(controller), 'address share url'),
    ...changeCommands(controller, session),
    command(mapAs === 'table' ? 'Map as a picture' : 'Map as a table', toggleMap, 'host clusters', 't'),
    command(hexAs === 'fields' ? 'Hex as bytes' : 'Hex as a list of fields', toggleHex, 'structure table'),
    command('Save the report as a page', () => controller.takeaway.report('html'), 'html download'),
    command('Save the report as JSON', () => controller.takeaway.report('json'), 'download'),
  ];
}

/** The commands about the repair; what cannot be done now is left out. */
function changeCommands(controller: Controller, session: OpenSession): PageCommand[] {
  const plan = () => {
    goTo('repair');
    return controller.plan({scope: 'all', accept: [], leave: []});
  };
  if (isBusy(session)) {
    return [];
  }
  const applied = isApplied(session);
  return [
    ...(applied ? [] : [command('Check again', () => controller.recheck(), 'verify')]),
    ...(!isRepaired(session) && currentVerdict(session).repairable ? [command('Plan a repair', plan, 'mend fix')] : []),
    ...(session.plan.step === 'planned' && !session.plan.plan.empty ? [command('Apply repair', () => controller.apply(), 'mend fix')] : []),
    ...(applied
      ? [
          command(isRepaired(session) ? 'Save repaired image' : 'Save changed image', () => controller.save(), 'download copy'),
          command('Save patch', () => controller.takeaway.patch(false), 'vcdiff xdelta'),
          command('Undo the last change', () => controller.undo(), 'take back'),
        ]
      : []),
  ];
}

async function copyLink(controller: Controller): Promise<void> {
  if (await controller.links.copy()) {
    controller.change({notice: {title: 'Link copied.', text: 'It names this place, never the image or what is in it.'}});
  }
}

const THEMES: Record<Theme, string> = {auto: 'as the system', light: 'light', dark: 'dark'};

function themeCommands(controller: Controller): PageCommand[] {
  const {theme: now} = controller.view.value;
  return (['light', 'dark', 'auto'] as const)
    .filter((theme) => theme !== now)
    .map((theme) => command(`Colours: ${THEMES[theme]}`, () => controller.change({theme}), 'theme toggle mode'));
}

/** To each kind of finding, the worst first. */
function findingCommands(controller: Controller, session: OpenSession): PageCommand[] {
  return sortedGroups(currentVerdict(session).groups)
    .filter((group) => group.kept > 0)
    .map((group) =>
      command(
        `Finding: ${group.title}`,
        async () => {
          await controller.showFinding({code: group.code, index: 0});
          goTo('findings');
        },
        `${group.code} ${group.severity}`,
      ),
    );
}

/** The places that a query may mean: a number alone is a byte, a cluster, or a byte of the disk. */
export function placeCommands(controller: Controller, query: string): PageCommand[] {
  const session = controller.session.value;
  const target = session.step === 'open' && !knowsNothing(session.verdict) ? parseTarget(query) : null;
  if (target === null || session.step !== 'open') {
    return [];
  }
  return meantBy(target, query).map((meant) => command(`Go to ${targetWords(meant)}`, () => show(controller, session, meant), query));
}

function meantBy(target: Target, query: string): Target[] {
  if (target.space !== 'host' || !/^\s*(?:0x|\d)/i.test(query)) {
    return [target];
  }
  return [
    target,
    ...(/^\s*\d+\s*$/.test(query) ? [{space: 'cluster', cluster: target.offset} as const] : []),
    {space: 'guest', offset: target.offset},
  ];
}

async function show(controller: Controller, session: OpenSession, target: Target): Promise<void> {
  const info = currentInfo(session);
  const byte = await byteOf(controller, info, BigInt(info.fileSize), target);
  if (!byte.ok) {
    controller.change({notice: {title: `There is no ${targetWords(target)}.`, text: byte.error}});
    return;
  }
  if (target.space === 'cluster') {
    controller.change({selected: inFile(Number(target.cluster))});
  }
  showInHex(controller, byte.value);
}
