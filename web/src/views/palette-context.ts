import {DARK, LIGHT} from '../model/palette';
import type {Palette} from '../model/palette';
import {useController, useMedia, useStore} from './app-context';

/** The map's colours for the theme that is in force. With forced colours it is the system's, light or dark. */
export function usePalette(): Palette {
  const controller = useController();
  const {theme} = useStore(controller.view);
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  const forced = useMedia('(forced-colors: active)');
  return theme === 'auto' || forced ? (systemDark ? DARK : LIGHT) : theme === 'dark' ? DARK : LIGHT;
}
