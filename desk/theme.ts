import type { ThemeConfig } from 'antd'

/** The few colours of the desk. Never colour alone: a word or a shape stands beside each. */
export const colours = {
  ink: '#1f2329',
  quiet: '#5c636e', // secondary words, AA on paper
  hairline: '#e3e5e8',
  edge: '#8a919c', // borders of what can be typed into: 3:1 on paper
  paper: '#ffffff',
  ground: '#f7f7f5',
  chosen: '#f1f0ec',
  accent: '#c8102e', // the red of the 版头: the mark, the one expected act, 特急
  amber: '#9a5b00', // near due
  verified: '#1a7f37', // only for what has been verified
} as const

const family = '-apple-system, "PingFang SC", "Microsoft YaHei", "Source Han Sans SC", "Noto Sans CJK SC", "Noto Sans SC", sans-serif'

/** Everything Ant Design needs to look like the desk; `touch` gives targets of 40 px. */
export const deskTheme = (touch: boolean): ThemeConfig => ({
  hashed: false,
  cssVar: { key: 'desk' },
  token: {
    colorPrimary: colours.accent,
    colorInfo: colours.ink,
    colorSuccess: colours.verified,
    colorWarning: colours.amber,
    colorError: colours.accent,
    colorLink: colours.ink,
    colorLinkHover: colours.accent,
    linkDecoration: 'underline',
    linkHoverDecoration: 'underline',
    colorTextBase: colours.ink,
    colorText: colours.ink,
    colorTextSecondary: colours.quiet,
    colorTextTertiary: colours.quiet,
    colorTextDescription: colours.quiet,
    colorTextPlaceholder: '#757c87',
    colorBgBase: colours.paper,
    colorBgLayout: colours.ground,
    colorBorder: colours.edge,
    colorBorderSecondary: colours.hairline,
    colorSplit: colours.hairline,
    controlItemBgActive: colours.chosen,
    controlItemBgActiveHover: colours.chosen,
    controlItemBgHover: colours.ground,
    fontFamily: family,
    fontSize: 14,
    lineHeight: 22 / 14,
    borderRadius: 4,
    borderRadiusLG: 4,
    borderRadiusSM: 4,
    controlHeight: touch ? 40 : 32,
    sizeUnit: 4,
    sizeStep: 4,
    wireframe: true,
    motion: false,
    boxShadow: '0 2px 8px rgba(31,35,41,0.12)',
    boxShadowSecondary: '0 2px 8px rgba(31,35,41,0.12)',
    boxShadowTertiary: 'none',
  },
  components: {
    Button: { primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none', fontWeight: 500, defaultHoverColor: colours.ink, defaultHoverBorderColor: colours.ink, defaultActiveColor: colours.ink, defaultActiveBorderColor: colours.ink },
    Input: { activeBorderColor: colours.ink, hoverBorderColor: colours.ink, activeShadow: '0 0 0 2px rgba(31,35,41,0.12)' },
    Select: { activeBorderColor: colours.ink, hoverBorderColor: colours.ink, activeOutlineColor: 'rgba(31,35,41,0.12)', optionSelectedBg: colours.chosen, optionSelectedFontWeight: 500 },
    Radio: { colorBorder: colours.edge, colorPrimary: colours.ink, colorPrimaryHover: colours.ink, algorithm: true },
    Checkbox: { colorBorder: colours.edge, colorPrimary: colours.ink, colorPrimaryHover: colours.ink, algorithm: true },
    Tree: { nodeSelectedBg: colours.chosen },
    Progress: { defaultColor: colours.ink },
  },
})
