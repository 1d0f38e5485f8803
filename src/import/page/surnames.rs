//! The surnames by which a bare name is told from another word of two or three characters.

/// The surnames of one character that are usual in China.
const SINGLE: &str = "\
赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任\
袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋\
茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗\
丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗\
班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰鄂索咸籍赖卓蔺屠蒙池乔阴胥苍双闻莘党翟谭贡劳\
逄姬申扶堵冉宰郦雍郤璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡\
国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶曾毋沙乜养鞠须丰巢关蒯相查荆红游竺权逯盖益桓公涂岳帅缑亢\
况郈琴商牟佘佴伯赏墨哈谯笪爱阳佟福闫肖付仝覃邸苑仉代么练辜芦邝冼官丘尧占战苟迟栗谌檀衣原晋粟揭敬操卿";

/// The surnames of two characters.
const DOUBLE: [&str; 16] = [
    "欧阳", "上官", "司马", "司徒", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "慕容", "宇文", "长孙",
    "夏侯", "轩辕", "端木",
];

/// Whether the word can be a person's name by its surname.
pub(super) fn opens_with_surname(name: &str) -> bool {
    is_double(name) || name.chars().next().is_some_and(|first| SINGLE.contains(first))
}

/// Whether the word begins with a surname of two characters.
pub(super) fn is_double(name: &str) -> bool {
    DOUBLE.iter().any(|surname| name.starts_with(surname))
}
