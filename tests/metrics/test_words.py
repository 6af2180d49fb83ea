# ruff: noqa: RUF001
from __future__ import annotations

import unicodedata
from contextlib import nullcontext
from pathlib import Path

import pytest

from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Example
from adaptkit.leakage.canonical import canonical, numbers
from adaptkit.metrics.base import Answer
from adaptkit.metrics.classification import MACRO_F1, accuracy
from adaptkit.metrics.normalise import fold, tokens
from adaptkit.metrics.numeric import last_number, whole_number
from adaptkit.metrics.rouge import rouge_1, rouge_l
from adaptkit.metrics.text import contains, token_f1
from adaptkit.metrics.words import find_words, whole_words
from adaptkit.retrieval.lexical import LEXICAL_SIDECAR, SCORES_FILE, LexicalIndex, words
from adaptkit.retrieval.sidecar import read_sidecar, write_sidecar
from adaptkit.strategies.reading import mentioned_last

SPACED = {
    "Hindi": "मूल मेल माल मिल",
    "Bengali": "বই বাড়ি নদী নৌকা",
    "Tamil": "மரம் வீடு நதி படகு",
    "Telugu": "ఇల్లు చెట్టు నది పడవ",
    "Sinhala": "ගස ගෙදර ගඟ බෝට්ටුව",
    "Arabic with its vowels": "كَتَبَ مُدَرِّسٌ بَيْتٌ",
    "Hebrew with its points": "שָׁלוֹם בַּיִת נָהָר",
    "Persian with a joiner": "می\u200cخواهم کتاب",
    "Amharic": "ቤት መጽሐፍ ወንዝ",
    "Greek": "σπίτι ποτάμι βιβλίο",
    "Russian": "дом книга река",
    "Vietnamese in parts": unicodedata.normalize("NFD", "nhà sông sách"),
    "Yoruba, no composed form": "ọ̀bẹ̀ ilé odò",
    "Korean": "집 강 책",
    "Armenian": "տուն գետ գիրք",
    "Georgian": "სახლი მდინარე წიგნი",
}
UNSPACED = {
    "Chinese": ("商店接受退货", 6),
    "Japanese": ("店は返品を受ける", 8),
    "Thai": ("ปลาที่เก่า", 4),  # ป ลา ที่ เก่า
    "Lao": ("ປາທີ່ເກົ່າ", 3),
    "Khmer": ("ខ្មែរ", 2),  # ខ្មែ រ: what is stacked stays
    "Burmese": ("မြန်မာ", 3),
    "Tibetan": ("བོད", 2),
    "rare Han": ("\U00020b9f々", 2),
}


@pytest.mark.parametrize("text", SPACED.values(), ids=SPACED)
def test_words_between_spaces_are_the_words_of_search_scores_and_leakage(text: str) -> None:
    expected = text.split()
    assert find_words(text) == expected
    assert len(words(text)) == len(tokens(text)) == len(canonical(text).split()) == len(expected)
    assert tokens(text) == [fold(word) for word in expected]


@pytest.mark.parametrize(("text", "n"), UNSPACED.values(), ids=UNSPACED)
def test_unspaced_scripts_are_parted_between_characters_and_never_at_a_vowel_sign(text: str, n: int) -> None:
    assert len(find_words(text)) == n
    assert "".join(find_words(text)) == text
    for some in (words(text), tokens(text)):
        assert len(some) == n
        assert not any(unicodedata.category(word[0]).startswith("M") for word in some)


def test_words_of_simple_scripts_are_those_of_the_standard_library() -> None:
    assert find_words("Don't stop_it: 3½ x² — naïve Ωμέγα, мир\u00ad!") == [
        "Don", "t", "stop_it", "3½", "x²", "naïve", "Ωμέγα", "мир",
    ]  # fmt: skip
    assert find_words("❤️ 👩‍💻 ok") == ["ok"]  # no word of joiners and selectors alone


LABELS = {
    "Hindi": (("बिल", "मिल"), "यह बिली है", None, "उत्तर: बिल।", "बिल"),
    "Bengali": (("বই", "বল"), "বইয়ের দোকান", None, "উত্তর বই।", "বই"),
    "Telugu": (("పన", "ఇల"), "పని", None, "జవాబు: పన", "పన"),
    "Arabic": (("كتب", "درس"), "كتبه", None, "الجواب: كُتُب. لا، درس", "درس"),
    "Thai": (("จัดส่ง", "คืน"), "ปลา", None, "คำตอบคือจัดส่งครับ", "จัดส่ง"),
    "Thai, within a character": (("กม", "ปล"), "เกมปลา", None, "5กม.", "กม"),
    "Chinese": (("退货", "运费"), "商店", None, "答案是退货。", "退货"),
    "Japanese": (("返品", "送料"), "店", None, "答えは返品です", "返品"),
    "Chinese beside Latin": (("AI", "C"), "MAIL", None, "这是AI技术", "AI"),
    "Latin": (("card", "cash"), "cards", None, "the card!", "card"),
    "Latin in parts": (("cafe", "bar"), "cafe\u0301", None, "a cafe", "cafe"),
}


@pytest.mark.parametrize(("labels", "other", "none", "said", "label"), LABELS.values(), ids=LABELS)
def test_labels_are_found_as_whole_words(
    labels: tuple[str, ...], other: str, none: None, said: str, label: str
) -> None:
    def score(output: str) -> float | None:
        return accuracy(Answer(output=output, example=row, labels=labels)).lenient

    row = Example(id="1", input="?", target=label)
    assert (score(said), score(other)) == (1.0, 0.0)
    assert mentioned_last(said, labels) == fold(label)
    assert mentioned_last(other, labels) is none
    assert MACRO_F1([Answer(output=said, example=row, labels=labels)], lenient=True) == 1.0


def test_longest_label_wins_whatever_its_script() -> None:
    assert whole_words(["不满意", "满意"]).findall("我不满意") == ["不满意"]
    assert whole_words(["A", "A正"]).findall("A正 A") == ["A正", "A"]


VALUES = [
    # By hand: 2 * shared / (words of both).
    ("मेल आता", "मेल आता है", 0.8),
    ("мама мыла", "мама мыла раму", 0.8),
    ("接受退货", "商店接受退货", 0.8),
    ("ที่เก่า", "ปลาที่เก่า", 2 * 2 / 6),  # ที่ เก่า of ป ลา ที่ เก่า
    ("ป้า", "ปู", 0.0),
    ("መጽሐፍ፡ቤት", "መጽሐፍ ቤት", 1.0),
    ("شبـــاك", "شباك", 1.0),
    ("ΟΔΟΣ", "οδος", 1.0),
    ("İSTANBUL", "istanbul", 1.0),
    ("STRASSE", "straße", 1.0),
]


@pytest.mark.parametrize(("output", "target", "f1"), VALUES)
def test_overlap_counts_whole_words_or_characters(output: str, target: str, f1: float) -> None:
    row = Example(id="1", input="?", target=target)
    answer = Answer(output=output, example=row)
    assert token_f1(answer).strict == pytest.approx(f1)
    assert rouge_1(answer).strict == pytest.approx(f1)
    assert rouge_l(answer).strict == pytest.approx(f1)
    assert contains(Answer(output=f"{target} {output}", example=row)).strict == 1.0


def test_forms_of_one_text_are_equal() -> None:
    for a, b in [("é", "e\u0301"), ("가", "\u1100\u1161"), ("ক\u09cbথ", "ক\u09c7\u09beথ")]:
        assert fold(a) == fold(b)
        assert words(a + "x") == words(b + "x")
    assert words("مُحَمَّد") == words("محمد")
    assert words("ＡＢ１２") == words("ab12")
    assert canonical("عام ٢٠٢٤") == canonical("عام 2024")
    assert numbers(canonical("रु ५००")) == frozenset({"500"})


@pytest.mark.parametrize("text", ["٤٥", "४५", "৪৫", "４５", "๔๕", "45"])
def test_digits_of_all_scripts_are_numbers(text: str) -> None:
    assert whole_number(text) == 45
    assert last_number(f"= {text}.") == 45


@pytest.mark.parametrize(
    ("texts", "queries"),
    [
        (["माल गोदाम में है", "मूल राशि बैंक में है", "मेल सुबह आता है"], ["माल", "मूल", "मेल"]),
        (["ร้านรับคืนสินค้าภายในสามสิบวัน", "ค่าจัดส่งคิดตามน้ำหนัก", "แมวนอนบนหลังคา"], ["คืนสินค้า", "จัดส่ง", "หลังคา"]),
        (["商店在三十天之内接受退货", "运费按照重量计算", "员工每天都上班"], ["怎么退货", "运费", "上班"]),
        (["ហាងទទួលយកទំនិញវិញ", "ថ្លៃដឹកជញ្ជូនគិតតាមទម្ងន់", "បុគ្គលិកធ្វើការរាល់ថ្ងៃ"], ["ទំនិញ", "ទម្ងន់", "បុគ្គលិក"]),
        (["كَتَبَ الوَلَدُ رِسَالَةً", "ذَهَبَ الرَّجُلُ", "نَامَ القِطُّ"], ["رسالة", "الرجل", "القط"]),
    ],
    ids=["Hindi", "Thai", "Chinese", "Khmer", "Arabic"],
)  # fmt: skip
def test_word_search_finds_the_text_with_the_word(texts: list[str], queries: list[str]) -> None:
    index = LexicalIndex(texts)
    assert [next(iter(index.search(query, 3))) for query in queries] == [0, 1, 2]


def test_order_of_characters_counts_where_words_are_not_spaced() -> None:
    index = LexicalIndex(["上海人来自中国", "国中来自海上人"])
    assert list(index.search("中国", 2)) == [0, 1]
    assert index.scores("中国")[0] > index.scores("中国")[1]


def test_saved_words_of_an_earlier_version_are_refused_where_they_were_parted(tmp_path: Path) -> None:
    for name, text, refused in (("en", "naïve trams", False), ("hi", "मूल राशि", True)):
        LexicalIndex([text]).save(tmp_path / name)
        path = tmp_path / name / LEXICAL_SIDECAR
        content = {k: read_sidecar(path)[k] for k in ("metric", "n_texts", "vocabulary")}
        write_sidecar(path, content, [SCORES_FILE])
        with pytest.raises(ConfigError, match=r"Build the index again") if refused else nullcontext():
            LexicalIndex.load(tmp_path / name)
