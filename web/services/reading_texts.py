"""Texts to read in a recording for learning, with all mouth shapes of the language.

Each takes about 40 seconds. They were written for this purpose, around two traditional Chinese
tongue twisters. The same texts are in the guides for teachers.
"""

from __future__ import annotations

READING_TEXTS = {
    "en": (
        "Good morning, and welcome. My name does not matter today; the words do. Please watch "
        "my mouth while I speak. We often go to the old farm by the sea, where the fog moves "
        "slowly over the blue bay. Both boys bought five big apples, two pears and a bowl of "
        "soup. Who put the yellow shoes on the roof? I believe we all know: it was you! Jim, "
        "the pilot, measures the treasure with pleasure. She feels each breeze, sees the "
        "green leaves, and hears a bird chirp near the church. My father parked the car far "
        "from the market. Few people knew the truth. Five very fine vans leave at half past "
        "seven. Think of three things that rhyme with this. Now I pause for a moment, close "
        "my lips, and then say: hope, home, moon, map. Thank you very much."
    ),
    "zh": (
        "大家早上好，欢迎来到今天的课堂。请看着我的嘴，听我慢慢说。我的爸爸妈妈住在海边，"
        "那里有一片蓝蓝的天和一条弯弯的河。八百标兵奔北坡，北坡炮兵并排跑。我喝过果汁，又"
        "坐火车去国外，路上遇到五位老朋友。姐姐七点起床，骑自行车去机场，一起的还有一只小"
        "鸡。小猫扑向门口的木偶，跑得飞快。是不是四十四只石狮子？知之为知之，不知为不知。"
        "绿色的湖水里有许多鱼，女儿去雨中看月亮。风吹佛塔，粉红的花发出芬芳。请问您要鸭子"
        "、牙刷还是夜宵？我们无论如何都不能忘记这五个字：啊、喔、鹅、衣、乌。现在我停一下"
        "，闭上嘴，然后说：爬坡、木门、玫瑰、妈妈。谢谢大家。"
    ),
}
"""Text by language."""
