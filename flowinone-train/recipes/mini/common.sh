# What the scripts of the mini model share: what it knows and what the former one knew, the icons of
# that, fetched once by npm, and the program. To be sourced from the root of the repository.
classes=airplane,anchor,apple,balloon,banana,bell,bicycle,bolt,book,boot,bulb,bus,butterfly,cactus,camera,car,carrot,castle,cat,cheese,croissant,crown,dog,dolphin,doughnut,duck,eggplant,elephant,fish,flower,fox,frog,ghost,guitar,hammer,hat,heart,house,jeans,key,ladder,lion,magnet,moon,mushroom,owl,pear,penguin,pig,pizza,rabbit,rainbow,robot,rocket,sailboat,shirt,snowman,star,strawberry,sun,tree,trophy,turtle,volcano
former_classes=airplane,apple,balloon,banana,bolt,boot,bulb,bus,butterfly,cactus,camera,car,castle,cat,cheese,croissant,crown,dolphin,doughnut,eggplant,fish,fox,guitar,hammer,hat,heart,house,jeans,key,ladder,lion,magnet,moon,mushroom,owl,pear,penguin,pig,pizza,rainbow,rocket,sailboat,shirt,star,tree,trophy,turtle,volcano
icon_set=models/icons/fluent-emoji-flat.json
if [ ! -f "$icon_set" ]; then
    mkdir -p models/icons
    package=$(npm pack --silent --pack-destination models/icons @iconify-json/fluent-emoji-flat@1.2.6)
    tar -xOf "models/icons/$package" package/icons.json > "$icon_set.part"
    mv "$icon_set.part" "$icon_set"
fi
icons=(
    --icons "$icon_set" --names apple=red-apple,bolt=high-voltage,book=open-book,boot=hiking-boot,bulb=light-bulb,car=automobile,cheese=cheese-wedge
    --names flower=cherry-blossom,hat=top-hat,heart=red-heart,moon=crescent-moon,shirt=t-shirt,tree=deciduous-tree
)
# FLOWINONE names the program; if it is not set, cargo runs it.
read -r -a flowinone <<< "${FLOWINONE:-cargo run --quiet --release -p flowinone-cli --}"
