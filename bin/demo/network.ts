// The demo's world: an invented province with one city, two counties, and a department that has a machine of its own.
// Every place, office, number and person is made up.

export type DemoPerson = { readonly id: string; readonly name: string; readonly post: string; readonly duties: 'clerk' | 'deputy' | 'auditor' | 'operator' | 'supervisor' }
export type DemoOrgan = {
  readonly id: string
  readonly title: string
  readonly system: 'party' | 'government' | 'congress' | 'cppcc' | 'mass'
  readonly region: DemoRegion
  /** 发文名义: what the office may issue documents as; the first is its own inbox. */
  readonly names: readonly { readonly id: string; readonly title: string; readonly code: string }[]
  /** 代收单位: organs allowed to sign for this one. */
  readonly deputies?: readonly string[]
  readonly people: readonly DemoPerson[]
}
export type DemoNode = { readonly id: string; readonly title: string; readonly level: 'province' | 'city' | 'county' | 'department'; readonly region: DemoRegion; readonly parent: string | null; readonly organs: readonly DemoOrgan[] }
export type DemoRegion = { readonly id: string; readonly title: string }

const province: DemoRegion = { id: 'jiangyuan', title: '江源省' }
const city: DemoRegion = { id: 'linchuan', title: '江源省临川市' }
const county: DemoRegion = { id: 'wangchuan', title: '临川市望川县' }
const otherCounty: DemoRegion = { id: 'anlan', title: '临川市安澜县' }

const clerk = (id: string, name: string, post = '文书'): DemoPerson => ({ id, name, post, duties: 'clerk' })
const operator = (id: string, name: string): DemoPerson => ({ id, name, post: '系统管理员', duties: 'operator' })
const office = (id: string, title: string, code: string): DemoOrgan['names'][number] => ({ id, title, code })

export const NETWORK: readonly DemoNode[] = [
  {
    id: 'jiangyuan', title: '江源省公文交换中心', level: 'province', region: province, parent: null,
    organs: [
      {
        id: 'jiangyuan.party', title: '省委办公厅', system: 'party', region: province,
        names: [office('jiangyuan.party.office', '中共江源省委办公厅', '江委办'), office('jiangyuan.party.committee', '中共江源省委', '江委')],
        people: [clerk('jy-chenyuan', '陈远'), clerk('jy-guxiaohe', '顾小禾', '机要员'), { id: 'jy-heping', name: '何平', post: '安全审计员', duties: 'auditor' }, operator('jy-shaoyun', '邵筠')],
      },
      { id: 'jiangyuan.government', title: '省政府办公厅', system: 'government', region: province, names: [office('jiangyuan.government.office', '江源省人民政府办公厅', '江政办'), office('jiangyuan.government.people', '江源省人民政府', '江政')], people: [clerk('jy-fangqing', '方晴')] },
      { id: 'jiangyuan.congress', title: '省人大常委会办公厅', system: 'congress', region: province, names: [office('jiangyuan.congress.office', '江源省人大常委会办公厅', '江人办')], people: [clerk('jy-luming', '陆鸣')] },
      { id: 'jiangyuan.cppcc', title: '省政协办公厅', system: 'cppcc', region: province, names: [office('jiangyuan.cppcc.office', '政协江源省委员会办公厅', '江协办')], people: [clerk('jy-songlan', '宋岚')] },
      { id: 'jiangyuan.union', title: '省总工会', system: 'mass', region: province, names: [office('jiangyuan.union.office', '江源省总工会', '江工')], people: [clerk('jy-qiushi', '邱实')] },
    ],
  },
  {
    id: 'linchuan', title: '临川市公文交换中心', level: 'city', region: city, parent: 'jiangyuan',
    organs: [
      { id: 'linchuan.party', title: '市委办公室', system: 'party', region: city, names: [office('linchuan.party.committee', '中共临川市委', '临委'), office('linchuan.party.office', '中共临川市委办公室', '临委办')], people: [clerk('lc-xuyan', '许砚'), clerk('lc-tangke', '唐可', '机要员'), operator('lc-kuangye', '匡野')] },
      { id: 'linchuan.congress', title: '市人大常委会办公室', system: 'congress', region: city, names: [office('linchuan.congress.office', '临川市人大常委会办公室', '临人办')], people: [clerk('lc-mengfan', '孟帆')] },
      { id: 'linchuan.women', title: '市妇女联合会', system: 'mass', region: city, names: [office('linchuan.women.office', '临川市妇女联合会', '临妇')], people: [clerk('lc-yueran', '岳然')] },
      // Without a machine of its own: hosted by the city's centre. Its office is a namesake of 望川县's.
      { id: 'anlan.party', title: '县委办公室', system: 'party', region: otherCounty, names: [office('anlan.party.committee', '中共安澜县委', '安委'), office('anlan.party.office', '中共安澜县委办公室', '安委办')], people: [clerk('al-peibo', '裴博')] },
    ],
  },
  {
    id: 'wangchuan', title: '望川县公文交换中心', level: 'county', region: county, parent: 'linchuan',
    organs: [
      {
        id: 'wangchuan.party', title: '县委办公室', system: 'party', region: county,
        names: [office('wangchuan.party.committee', '中共望川县委', '望委'), office('wangchuan.party.office', '中共望川县委办公室', '望委办')],
        people: [clerk('wc-linzhou', '林舟'), { id: 'wc-dujuan', name: '杜鹃', post: '机要室值班员', duties: 'deputy' }, clerk('wc-wuyue', '吴越'), operator('wc-jinlu', '靳鹭'), { id: 'wc-anwei', name: '安巍', post: '安全保密管理员', duties: 'supervisor' }],
      },
      { id: 'wangchuan.government', title: '县政府办公室', system: 'government', region: county, names: [office('wangchuan.government.office', '望川县人民政府办公室', '望政办')], people: [clerk('wc-kongyi', '孔奕')] },
      { id: 'wangchuan.cppcc', title: '县政协办公室', system: 'cppcc', region: county, deputies: ['wangchuan.party'], names: [office('wangchuan.cppcc.office', '政协望川县委员会办公室', '望协办')], people: [clerk('wc-shangwen', '尚文')] },
    ],
  },
  {
    id: 'wangchuan-education', title: '望川县教育局', level: 'department', region: county, parent: 'wangchuan',
    organs: [{ id: 'wangchuan.education', title: '县教育局', system: 'government', region: county, names: [office('wangchuan.education.bureau', '望川县教育局', '望教')], people: [clerk('we-zhuqiao', '祝乔'), clerk('we-luxia', '路霞', '局办公室'), operator('we-fuqi', '傅岐')] }],
  },
]

export const DUTIES: Readonly<Record<DemoPerson['duties'], readonly string[]>> = {
  clerk: ['documents.read', 'documents.send', 'documents.sign'],
  deputy: ['documents.read', 'documents.deputise'],
  auditor: ['ledger.read'],
  operator: ['console.watch', 'directory.admit', 'directory.reorganise', 'road.watch', 'road.bundle'],
  supervisor: ['directory.supervise', 'road.watch', 'road.release'],
}

/** Who the headless driver acts as. Everybody else is left for whoever tries the demo. */
export const CAST = {
  sender: 'jy-chenyuan',
  signers: ['lc-xuyan', 'wc-linzhou', 'lc-mengfan', 'lc-yueran', 'we-zhuqiao'],
  deputy: 'wc-dujuan',
} as const

export const NOTICE = {
  organ: 'jiangyuan.party',
  name: 'jiangyuan.party.committee',
  title: '中共江源省委关于做好今冬明春困难群众生活保障工作的通知',
  number: '江委〔2026〕18号',
  printedTo: '各市委、县委',
  printedCc: '市人大常委会办公室，县政协办公室，市妇女联合会，县教育局',
  to: [{ organ: 'linchuan.party', name: 'linchuan.party.committee' }, { organ: 'wangchuan.party', name: 'wangchuan.party.committee' }],
  cc: [
    { organ: 'wangchuan.education', name: 'wangchuan.education.bureau' },
    { organ: 'linchuan.congress', name: 'linchuan.congress.office' },
    { organ: 'wangchuan.cppcc', name: 'wangchuan.cppcc.office' },
    { organ: 'linchuan.women', name: 'linchuan.women.office' },
  ],
  onBehalfOf: 'wangchuan.cppcc',
  text: `中共江源省委关于做好今冬明春困难群众生活保障工作的通知

各市委、县委：
    入冬以来，部分地方气温偏低。为保障困难群众温暖安全过冬，现就有关事项通知如下。
    一、摸清底数。以乡镇为单位逐户走访，12月5日前建立台账。
    二、及时救助。对符合条件的家庭先行救助、后补手续，不得层层设卡。
    三、压实责任。各级党委办公室牵头督促，教育部门同步做好寄宿学生御寒保障。
    请于12月10日前将落实情况书面报告省委。

                                        中共江源省委
                                        2026年11月22日
`,
} as const

export const REPORT = {
  by: 'wc-linzhou',
  organ: 'wangchuan.party',
  name: 'wangchuan.party.committee',
  title: '中共望川县委关于困难群众生活保障工作落实情况的报告',
  number: '望委〔2026〕41号',
  printedTo: '省委',
  to: [{ organ: 'jiangyuan.party', name: 'jiangyuan.party.committee' }],
  text: `中共望川县委关于困难群众生活保障工作落实情况的报告

省委：
    收到江委〔2026〕18号通知后，我县当日部署，现将落实情况报告如下。
    一、全县11个乡镇已建立台账，走访1287户。
    二、已发放取暖救助426户，其余按程序办理。
    三、全县寄宿制学校供暖设备已检修完毕。
    特此报告。

                                        中共望川县委
                                        2026年11月23日
`,
} as const
